# CMake reads this after each project() of llama.cpp's build (CMAKE_PROJECT_INCLUDE in .cargo/config.toml). It chooses
# the instructions that the kernels may use: all that this machine's processor has, since the build script of
# llama-cpp-sys-2 stops at AVX2. CHAOSENGINE_PORTABLE in the environment leaves it at that, for a program that
# is given to others.
#
# On Linux with x86-64 each instruction set is named, so that objects in a compiler cache say what they need; elsewhere
# the compiler finds out by itself.

if(CMAKE_CROSSCOMPILING OR DEFINED ENV{CHAOSENGINE_PORTABLE})
  return()
endif()

if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" OR NOT EXISTS "/proc/cpuinfo")
  set(GGML_NATIVE ON CACHE BOOL "" FORCE)
  unset(GGML_CPU_ARM_ARCH CACHE)
  return()
endif()

file(STRINGS "/proc/cpuinfo" processor_flags REGEX "^flags" LIMIT_COUNT 1)
string(REGEX MATCHALL "[a-z0-9_]+" processor_flags "${processor_flags}")

# Switches `option` on where the processor has every one of the flags that follow.
function(use_where_present option)
  set(present ON)
  foreach(flag IN LISTS ARGN)
    if(NOT flag IN_LIST processor_flags)
      set(present OFF)
    endif()
  endforeach()
  set(${option} ${present} CACHE BOOL "" FORCE)
endfunction()

use_where_present(GGML_SSE42 sse4_2)
use_where_present(GGML_AVX avx)
use_where_present(GGML_F16C f16c)
use_where_present(GGML_FMA fma)
use_where_present(GGML_BMI2 bmi2)
use_where_present(GGML_AVX2 avx2)
use_where_present(GGML_AVX512 avx512f avx512cd avx512bw avx512dq avx512vl)
use_where_present(GGML_AVX512_VBMI avx512vbmi)
use_where_present(GGML_AVX512_VNNI avx512_vnni)
use_where_present(GGML_AVX512_BF16 avx512_bf16)

# Older compilers do not know it.
if(NOT CMAKE_C_COMPILER_ID STREQUAL "GNU" OR CMAKE_C_COMPILER_VERSION VERSION_GREATER_EQUAL 11)
  use_where_present(GGML_AVX_VNNI avx_vnni)
endif()

# AMX stays off: GCC 12 tells llama.cpp's kernels only the first eight bytes of how their tiles are laid out (the inline
# assembly behind _tile_loadconfig names no more), and the first step of a quantised model is an illegal instruction.

# llama.cpp multiplies matrices of few rows (a step of some streams, guesses to verify) slowest with 512-bit registers:
# there it takes four rows at a time of both sides and waits for memory. With the 256-bit form of the same instructions
# eight rows of SmolLM2-135M take 10 ms where they took 19; a long prompt takes a twelfth longer.
function(keep_few_rows_fast)
  set_property(
    SOURCE "${ggml_SOURCE_DIR}/src/ggml-cpu/llamafile/sgemm.cpp"
    DIRECTORY "${ggml_SOURCE_DIR}/src"
    APPEND PROPERTY COMPILE_OPTIONS -mno-avx512f)
endfunction()

# Sources can be spoken of once the folders that use them were read.
if(PROJECT_NAME STREQUAL "ggml" AND GGML_AVX512 AND GGML_AVX_VNNI AND NOT MSVC)
  cmake_language(DEFER CALL keep_few_rows_fast)
endif()

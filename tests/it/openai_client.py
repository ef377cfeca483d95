"""Uses every part of the API as a program written for OpenAI's would; prints ok."""

import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="none", max_retries=0)

models = client.models.list().data
assert len(models) == 1, models
model = models[0].id
assert client.models.retrieve(model).id == model

question = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello."}]
whole = client.chat.completions.create(model=model, messages=question, max_tokens=16, temperature=0)
answer = whole.choices[0].message.content
assert answer, whole
assert whole.choices[0].finish_reason in ("stop", "length"), whole
assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens

parts, usage = [], None
stream = client.chat.completions.create(
    model=model,
    messages=question,
    max_tokens=16,
    temperature=0,
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    if chunk.choices:
        parts.append(chunk.choices[0].delta.content or "")
    usage = chunk.usage or usage
assert "".join(parts) == answer, (parts, answer)
assert usage.total_tokens == whole.usage.total_tokens, (usage, whole.usage)
assert usage.prompt_tokens_details.cached_tokens == usage.prompt_tokens - 1, usage

text = client.completions.create(model=model, prompt="The capital of France is", max_tokens=8, temperature=0)
assert "Paris" in text.choices[0].text, text

stopped = client.chat.completions.create(
    model=model, messages=question, max_tokens=64, temperature=0, stop=[answer.split()[-1]]
)
assert answer.split()[-1] not in stopped.choices[0].message.content, stopped

tool = {
    "type": "function",
    "function": {
        "name": "roll",
        "description": "Rolls a die.",
        "parameters": {
            "type": "object",
            "properties": {"sides": {"type": "integer", "enum": [6, 20]}},
            "required": ["sides"],
            "additionalProperties": False,
        },
    },
}
demanded = {"type": "function", "function": {"name": "roll"}}
called = client.chat.completions.create(
    model=model, messages=question, tools=[tool], tool_choice=demanded, max_tokens=64, temperature=0
)
assert called.choices[0].finish_reason == "tool_calls", called
(call,) = called.choices[0].message.tool_calls
assert call.function.name == "roll" and json.loads(call.function.arguments)["sides"] in (6, 20), call
assert called.usage.completion_tokens_details.reasoning_tokens == 0, called

arguments, names = "", []
for chunk in client.chat.completions.create(
    model=model, messages=question, tools=[tool], tool_choice=demanded, max_tokens=64, temperature=0, stream=True
):
    for piece in chunk.choices[0].delta.tool_calls or []:
        names += [piece.function.name] if piece.function.name else []
        arguments += piece.function.arguments or ""
assert names == ["roll"] and arguments == call.function.arguments, (names, arguments, call)

result = {"role": "tool", "tool_call_id": call.id, "content": "4"}
told = client.chat.completions.create(
    model=model,
    messages=[*question, called.choices[0].message, result],
    tools=[tool],
    tool_choice="none",
    reasoning_effort="low",
    max_tokens=16,
)
assert told.choices[0].message.content, told

try:
    client.chat.completions.create(model=model, messages=[], max_tokens=1)
except openai.BadRequestError as error:
    assert "messages" in str(error), error
else:
    raise AssertionError("an empty conversation was accepted")

try:
    client.models.retrieve("no-such-model")
except openai.NotFoundError:
    pass
else:
    raise AssertionError("an unknown model was found")

print("ok")

use super::{
    Heat, Thermal,
    macos::heat_of,
    read,
    windows::{Zone, of_zones},
};
use std::fs;

/// Zones as temperature and trip points, in thousandths of a degree.
#[track_caller]
fn check_linux(zones: &[(&str, &[(&str, &str)])], heat: Option<Heat>, celsius: Option<f32>) {
    let folder = tempfile::tempdir().unwrap();
    for (i, (temperature, trips)) in zones.iter().enumerate() {
        let zone = folder.path().join(format!("thermal_zone{i}"));
        fs::create_dir(&zone).unwrap();
        fs::write(zone.join("temp"), temperature).unwrap();
        for (j, (kind, trip)) in trips.iter().enumerate() {
            fs::write(zone.join(format!("trip_point_{j}_type")), kind).unwrap();
            fs::write(zone.join(format!("trip_point_{j}_temp")), trip).unwrap();
        }
    }
    fs::create_dir(folder.path().join("cooling_device0")).unwrap();
    assert_eq!(read(Some(folder.path())), Thermal { heat, celsius });
}

const TRIPS: &[(&str, &str)] = &[("critical\n", "105000\n"), ("passive\n", "90000\n")];

#[test]
fn the_kernels_trip_points_say_what_is_hot() {
    check_linux(&[("45000\n", TRIPS)], Some(Heat::Nominal), Some(45.0));
    check_linux(&[("91000\n", TRIPS)], Some(Heat::Moderate), Some(91.0));
    check_linux(&[("101000\n", TRIPS)], Some(Heat::Critical), Some(101.0));
    check_linux(&[("95000\n", &[("hot", "95000")])], Some(Heat::Critical), Some(95.0));
    check_linux(&[("45000\n", TRIPS), ("92000\n", TRIPS)], Some(Heat::Moderate), Some(92.0));
}

#[test]
fn nonsense_is_no_heat() {
    check_linux(&[], None, None);
    check_linux(&[("-274000\n", TRIPS)], None, None);
    check_linux(&[("45000\n", &[])], None, Some(45.0));
    check_linux(&[("45000\n", &[("critical", "0"), ("hot", "-1000")])], None, Some(45.0));
    check_linux(&[("oops\n", TRIPS)], None, None);
}

#[test]
fn pmset_tells_levels_and_limits() {
    let check = |output: &str, expected| assert_eq!(heat_of(output), expected, "{output}");
    check("Note: No thermal warning level has been recorded\n", Heat::Nominal);
    check(
        "2026-01-02 10:11:12 +0100 CPU Power notify\n\tCPU_Scheduler_Limit \t= 100\n\tCPU_Speed_Limit \t= 100\n",
        Heat::Nominal,
    );
    check("\tCPU_Scheduler_Limit \t= 82\n", Heat::Moderate);
    check("Thermal Warning Level = 1\n", Heat::Moderate);
    check("Thermal Warning Level = 3\n\tCPU_Scheduler_Limit = 100\n", Heat::Critical);
    check("", Heat::Nominal);
}

#[test]
fn acpi_zones_tell_how_near_the_machine_is_to_switching_off() {
    let check = |zones: &[(f32, f32)], heat: Option<Heat>, celsius: Option<f32>| {
        let zone =
            |&(temperature, critical)| Zone { temperature: Some(temperature), critical: Some(critical) };
        assert_eq!(
            of_zones(&zones.iter().map(zone).collect::<Vec<_>>()),
            Thermal { heat, celsius },
            "{zones:?}"
        );
    };
    check(&[], None, None);
    check(&[(45.0, 105.0)], Some(Heat::Nominal), Some(45.0));
    check(&[(99.9, 105.0)], Some(Heat::Nominal), Some(99.9));
    check(&[(100.0, 105.0)], Some(Heat::Critical), Some(100.0));
    check(&[(45.0, 105.0), (96.0, 99.0)], Some(Heat::Critical), Some(96.0));
    // What no sensor measures is not believed.
    check(&[(-273.15, 105.0)], None, None);
    check(&[(f32::NAN, 105.0), (45.0, f32::NAN)], None, Some(45.0));
    check(&[(45.0, 0.0)], None, Some(45.0));
    assert_eq!(of_zones(&[Zone { temperature: None, critical: None }]), Thermal::default());
    let alone = Zone { temperature: Some(70.0), critical: None };
    assert_eq!(of_zones(&[alone]), Thermal { heat: None, celsius: Some(70.0) });
}

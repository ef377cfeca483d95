//! Functions and constants by name.

use super::CalculatorError;
use super::number::Number;
use std::f64::consts;

type Result<T = Number> = std::result::Result<T, CalculatorError>;

/// Decimal places that rounding knows.
const MAX_PLACES: i128 = 15;

pub(super) fn constant(name: &str) -> Option<Number> {
    let value = match name {
        "pi" => consts::PI,
        "e" => consts::E,
        "tau" => consts::TAU,
        _ => return None,
    };
    Some(Number::Real(value))
}

pub(super) fn call(name: &str, arguments: &[Number]) -> Result {
    if let Some((name, function)) = REAL.iter().find(|(it, _)| *it == name) {
        let [x] = exactly(name, "1 value", arguments)?;
        return Number::real(function(x.to_f64()));
    }
    if let Some((name, function)) = ROUNDING.iter().find(|(it, _)| *it == name) {
        let [x] = exactly(name, "1 value", arguments)?;
        return whole_if_it_is(function(x.to_f64()), x);
    }
    match name {
        "abs" => {
            exactly("abs", "1 value", arguments).map(|[x]| if x.to_f64() < 0.0 { x.negated() } else { x })
        }
        "sign" => exactly("sign", "1 value", arguments).map(|[x]| Number::Whole(sign(x.to_f64()))),
        "factorial" => exactly("factorial", "1 value", arguments).and_then(|[n]| n.factorial()),
        "pow" => exactly("pow", "2 values", arguments).and_then(|[x, y]| x.power(y)),
        "mod" => exactly("mod", "2 values", arguments).and_then(|[x, y]| x.modulo(y)),
        "atan2" => exactly("atan2", "2 values", arguments)
            .and_then(|[y, x]| Number::real(y.to_f64().atan2(x.to_f64()))),
        "hypot" => exactly("hypot", "2 values", arguments)
            .and_then(|[x, y]| Number::real(x.to_f64().hypot(y.to_f64()))),
        "log" => log(arguments),
        "round" => round(arguments),
        _ => many(name, arguments),
    }
}

type Named = (&'static str, fn(f64) -> f64);

const REAL: &[Named] = &[
    ("acos", f64::acos),
    ("asin", f64::asin),
    ("atan", f64::atan),
    ("cbrt", f64::cbrt),
    ("cos", f64::cos),
    ("cosh", f64::cosh),
    ("degrees", f64::to_degrees),
    ("exp", f64::exp),
    ("ln", f64::ln),
    ("log2", f64::log2),
    ("log10", f64::log10),
    ("radians", f64::to_radians),
    ("sin", f64::sin),
    ("sinh", f64::sinh),
    ("sqrt", f64::sqrt),
    ("tan", f64::tan),
    ("tanh", f64::tanh),
];

const ROUNDING: &[Named] = &[("ceil", f64::ceil), ("floor", f64::floor), ("trunc", f64::trunc)];

/// Functions of any number of values.
fn many(name: &str, arguments: &[Number]) -> Result {
    let (name, fold): (&'static str, fn(Number, Number) -> Result) = match name {
        "min" => ("min", |a, b| Ok(if b.to_f64() < a.to_f64() { b } else { a })),
        "max" => ("max", |a, b| Ok(if b.to_f64() > a.to_f64() { b } else { a })),
        "sum" => ("sum", Number::plus),
        "mean" => ("mean", Number::plus),
        "gcd" => ("gcd", gcd),
        "lcm" => ("lcm", lcm),
        other => return Err(CalculatorError::Unknown(other.to_owned())),
    };
    let Some((first, others)) = arguments.split_first() else {
        return Err(CalculatorError::Count { name, wanted: "1 value or more", given: 0 });
    };
    let folded = others.iter().try_fold(*first, |a, b| fold(a, *b))?;
    if name == "mean" { folded.divided_by(Number::Whole(arguments.len() as i128)) } else { Ok(folded) }
}

fn exactly<const N: usize>(
    name: &'static str,
    wanted: &'static str,
    arguments: &[Number],
) -> Result<[Number; N]> {
    arguments.try_into().map_err(|_| CalculatorError::Count { name, wanted, given: arguments.len() })
}

fn sign(x: f64) -> i128 {
    i128::from(x > 0.0) - i128::from(x < 0.0)
}

fn log(arguments: &[Number]) -> Result {
    match arguments {
        [x] => Number::real(x.to_f64().log10()),
        [x, base] if base.to_f64() == 2.0 => Number::real(x.to_f64().log2()),
        [x, base] => Number::real(x.to_f64().ln() / base.to_f64().ln()),
        _ => Err(CalculatorError::Count { name: "log", wanted: "1 or 2 values", given: arguments.len() }),
    }
}

fn round(arguments: &[Number]) -> Result {
    match arguments {
        [x] => whole_if_it_is(x.to_f64().round(), *x),
        [x, places] => {
            let places = places.whole().filter(|it| (0..=MAX_PLACES).contains(it));
            let factor = 10f64.powi(places.ok_or(CalculatorError::Whole("round"))? as i32);
            let scaled = (x.to_f64() * factor).round();
            // What has no places to round is as it was.
            if scaled.is_finite() { Number::real(scaled / factor) } else { Ok(*x) }
        }
        _ => Err(CalculatorError::Count { name: "round", wanted: "1 or 2 values", given: arguments.len() }),
    }
}

/// A rounded number as a whole one; one that was whole stays exact.
fn whole_if_it_is(rounded: f64, before: Number) -> Result {
    match before {
        Number::Whole(_) => Ok(before),
        Number::Real(_) => {
            Number::Real(rounded).whole().map_or_else(|| Number::real(rounded), |it| Ok(Number::Whole(it)))
        }
    }
}

fn gcd(a: Number, b: Number) -> Result {
    let (mut a, mut b) = (magnitude(a, "gcd")?, magnitude(b, "gcd")?);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i128::try_from(a).map(Number::Whole).map_err(|_| CalculatorError::NoValue)
}

fn lcm(a: Number, b: Number) -> Result {
    let (a, b) = (Number::Whole(magnitude(a, "lcm")? as i128), Number::Whole(magnitude(b, "lcm")? as i128));
    match gcd(a, b)? {
        Number::Whole(0) => Ok(Number::Whole(0)),
        divisor => a.divided_by(divisor)?.times(b),
    }
}

fn magnitude(number: Number, name: &'static str) -> Result<u128> {
    let whole = number.whole().filter(|it| *it != i128::MIN);
    whole.map(i128::unsigned_abs).ok_or(CalculatorError::Whole(name))
}

use super::*;

#[test]
fn what_surprises_more_is_dropped() {
    let learned = Learned::new(1.0, 0.1);
    assert_eq!(learned.n_by_surprise(&[0.5, 0.25, 0.125, 0.125]), 2);
    assert_eq!(learned.n_by_surprise(&[1.0]), 1);
}

#[test]
fn the_first_version_keeps_fewer_for_a_smaller_surprise() {
    let weights: Vec<f32> = (1..=1000).map(|rank| 1.0 / (rank as f32).powf(1.2)).collect();
    let total: f32 = weights.iter().sum();
    let probabilities: Vec<f32> = weights.iter().map(|it| it / total).collect();
    let kept = |tau| Learned::new(tau, 0.1).n_by_exponent(&probabilities);
    assert!(kept(1.0) < kept(2.0) && kept(2.0) < kept(4.0), "{} {} {}", kept(1.0), kept(2.0), kept(4.0));
    assert!(kept(1.0) >= 1);
    assert_eq!(Learned::new(1.0, 0.1).n_by_exponent(&[1.0]), 1);
    assert_eq!(Learned::new(1.0, 0.1).n_by_exponent(&[0.25; 4]), 4);
}

#[test]
fn surprising_tokens_lower_what_is_allowed() {
    let mut learned = Learned::new(3.0, 0.5);
    learned.learn(5.0);
    assert!((learned.mu - 5.0).abs() < 1e-6);
    learned.learn(1.0);
    assert!((learned.mu - 6.0).abs() < 1e-6);
}

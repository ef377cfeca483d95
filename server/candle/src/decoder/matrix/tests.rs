use super::*;
use candle_core::Device;

fn numbered(n: usize, n_in: usize) -> Tensor {
    let numbers = (0..n * n_in).map(|i| ((i * 37 % 101) as f32 - 50.0) / 64.0).collect::<Vec<_>>();
    Tensor::from_vec(numbers, (n, n_in), &Device::Cpu).expect("a tensor")
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().and_then(|it| it.to_vec1()).expect("numbers")
}

/// Compares with candle's own product.
#[track_caller]
fn check(n_rows: usize, n_in: usize, n_out: usize) {
    let (rows, weights) = (numbered(n_rows, n_in), numbered(n_out, n_in));
    let expected = weights.t().and_then(|weights| rows.matmul(&weights)).expect("a product");
    let found = Matrix::new(weights, None).forward(&rows).expect("a product");
    assert_eq!(found.dims(), [n_rows, n_out]);
    let apart = numbers(&found).into_iter().zip(numbers(&expected)).map(|(a, b)| (a - b).abs());
    let apart = apart.fold(0.0, f32::max);
    assert!(apart < 1e-3, "{n_rows} rows of {n_in} with {n_out}: {apart}");
}

#[test]
fn products_are_those_of_candle_whatever_the_number_of_rows() {
    for n_rows in 1..=10 {
        for (n_in, n_out) in [(64, 96), (40, 1), (7, 200), (16, 64), (1, 65)] {
            check(n_rows, n_in, n_out);
        }
    }
}

#[test]
fn a_bias_is_added_to_every_row() {
    let bias = Tensor::new(&[1.0_f32, -2.0], &Device::Cpu).expect("a tensor");
    let (rows, weights) = (numbered(3, 5), numbered(2, 5));
    let plain = numbers(&Matrix::new(weights.clone(), None).forward(&rows).expect("a product"));
    let found = numbers(&Matrix::new(weights, Some(bias)).forward(&rows).expect("a product"));
    let expected: Vec<_> = plain.chunks(2).flat_map(|row| [row[0] + 1.0, row[1] - 2.0]).collect();
    assert_eq!(found, expected);
}

use super::*;

/// More numbers than a test has tokens: each token's values are 1 in a place of their own.
const WIDTH: usize = 800;

const SHAPE: CellShape = CellShape { n_layers: 2, n_heads: 1, head_width: WIDTH };

/// Values of `n` tokens from `position` on in `layer`.
fn values(layer: usize, position: usize, n: usize) -> Tensor {
    let mut numbers = vec![0.0_f32; n * WIDTH];
    (0..n).for_each(|i| numbers[i * WIDTH + position + i] = (layer + 1) as f32);
    Tensor::from_vec(numbers, (1, n, WIDTH), &Device::Cpu).expect("a tensor")
}

/// Adds `n` tokens that look at all they may equally; what each of them sees.
fn add(cache: &mut dyn KvCache, n: usize) -> Vec<Vec<usize>> {
    let begin = cache.n_tokens();
    let nothing = values(0, 0, n).zeros_like().expect("a tensor");
    cache.begin(n).expect("room");
    let mut seen = Vec::new();
    for layer in 0..SHAPE.n_layers {
        let attended = cache.attend(layer, &nothing, &nothing, &values(layer, begin, n)).expect("attention");
        let rows = attended.to_vec2::<f32>().expect("rows");
        for row in &rows {
            let sum = row.iter().sum::<f32>();
            assert!((sum - (layer + 1) as f32).abs() < 1e-3, "{sum} of layer {layer}");
        }
        let visible = |row: &Vec<f32>| (0..WIDTH).filter(|&i| row[i] > 0.0).collect();
        seen = rows.iter().map(visible).collect();
    }
    cache.commit();
    assert_eq!(cache.n_tokens(), begin + n);
    seen
}

/// What the last of `n` added tokens sees.
fn add_all(cache: &mut dyn KvCache, n: usize) -> Vec<usize> {
    add(cache, n).pop().expect("a row")
}

fn first(n: usize) -> Vec<usize> {
    (0..n).collect()
}

fn caches() -> [Box<dyn KvCache>; 2] {
    [Box::new(Plain::new(SHAPE)), Box::new(Window::new(SHAPE, 2, 1000))]
}

#[test]
fn what_has_room_for_everything_keeps_it() {
    for mut cache in caches() {
        assert_eq!(add_all(&mut *cache, 5), first(5));
        assert_eq!(add_all(&mut *cache, 1), first(6));
        // Farther than a cache makes room for at once.
        assert_eq!(add_all(&mut *cache, 600), first(606));
        assert!(cache.bytes_with(0) >= 606 * SHAPE.bytes());
        assert_eq!(cache.truncate(3), 3);
        assert_eq!(add_all(&mut *cache, 2), first(5));
    }
}

#[test]
fn queries_do_not_look_ahead() {
    for mut cache in caches() {
        add(&mut *cache, 2);
        assert_eq!(add(&mut *cache, 3), [first(3), first(4), first(5)]);
    }
}

#[test]
fn copies_are_apart() {
    for mut cache in caches() {
        add(&mut *cache, 6);
        let mut copy = cache.copy(4).expect("memory").expect("a copy");
        assert_eq!(copy.n_tokens(), 4);
        assert_eq!(add_all(&mut *cache, 1), first(7));
        assert_eq!(add_all(&mut *copy, 2), first(6));
        assert_eq!(add_all(&mut *cache, 1), first(8));
    }
}

#[test]
fn a_window_keeps_the_beginning_and_the_end() {
    let mut cache = Window::new(SHAPE, 2, 3);
    assert_eq!(add(&mut cache, 4), [first(1), first(2), first(3), first(4)]);
    assert_eq!(add_all(&mut cache, 1), first(5));
    assert_eq!(add_all(&mut cache, 1), [0, 1, 3, 4, 5]);
    assert_eq!(add(&mut cache, 2), [[0, 1, 4, 5, 6], [0, 1, 5, 6, 7]]);
    assert_eq!(add_all(&mut cache, 1), [0, 1, 6, 7, 8]);
    let bytes = 6 * SHAPE.bytes();
    assert_eq!(cache.bytes_with(1), bytes);
    add(&mut cache, 100);
    assert_eq!(cache.bytes_with(1), bytes);
}

#[test]
fn a_window_that_forgot_cannot_go_back() {
    let mut cache = Window::new(SHAPE, 1, 3);
    add(&mut cache, 4);
    assert_eq!(cache.truncate(2), 2);
    assert_eq!(add_all(&mut cache, 1), first(3));
    add(&mut cache, 6);
    add(&mut cache, 1);
    assert_eq!(cache.truncate(10), 10);
    assert!(cache.copy(9).expect("memory").is_none());
    assert_eq!(cache.truncate(9), 0);
    assert_eq!(add_all(&mut cache, 2), first(2));
}

#[test]
fn there_are_no_other_layers() {
    for mut cache in caches() {
        cache.begin(1).expect("room");
        let one = values(0, 0, 1);
        assert!(cache.attend(SHAPE.n_layers, &one, &one, &one).is_err());
    }
}

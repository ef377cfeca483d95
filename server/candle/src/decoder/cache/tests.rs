use super::*;
use candle_core::DType;

const SHAPE: CellShape = CellShape { n_layers: 2, n_heads: 1, head_width: 2 };

/// Keys and values of `n` tokens from `position` on in `layer`, which no others have.
fn cells(layer: usize, position: usize, n: usize) -> Tensor {
    let numbers = (position..position + n).flat_map(|it| [it as f32, layer as f32]).collect::<Vec<_>>();
    Tensor::from_vec(numbers, (1, n, 2), &Device::Cpu).expect("a tensor")
}

/// Adds `n` tokens; the positions that the last of them sees.
fn add(cache: &mut dyn KvCache, n: usize) -> Vec<usize> {
    let begin = cache.n_tokens();
    let mask = cache.begin(n).expect("a mask");
    let mut seen = Vec::new();
    for layer in 0..SHAPE.n_layers {
        let new = cells(layer, begin, n);
        let (keys, values) = cache.extend(layer, &new, &(&new * -1.0).expect("a tensor")).expect("cells");
        let numbers = |it: &Tensor| it.squeeze(0).and_then(|it| it.to_vec2::<f32>()).expect("numbers");
        let (keys, values) = (numbers(&keys), numbers(&values));
        let last_row = |mask: &Tensor| mask.get(n - 1).and_then(|it| it.to_vec1::<f32>()).expect("a row");
        let mask = mask.as_ref().map_or_else(|| vec![0.0; keys.len()], last_row);
        assert_eq!(mask.len(), keys.len());
        for (key, value) in keys.iter().zip(&values) {
            assert_eq!([key[0], key[1]], [-value[0], -value[1]]);
            assert_eq!(key[1], layer as f32);
        }
        let visible = keys.iter().zip(mask).filter(|(_, mask)| *mask == 0.0);
        seen = visible.map(|(key, _)| key[0] as usize).collect();
    }
    cache.commit();
    assert_eq!(cache.n_tokens(), begin + n);
    seen
}

#[test]
fn a_plain_cache_keeps_everything() {
    let mut cache = Plain::new(SHAPE);
    assert_eq!(add(&mut cache, 5), (0..5).collect::<Vec<_>>());
    assert_eq!(add(&mut cache, 1), (0..6).collect::<Vec<_>>());
    // Farther than it has made room for.
    assert_eq!(add(&mut cache, 600), (0..606).collect::<Vec<_>>());
    assert!(cache.bytes_with(0) >= 606 * SHAPE.bytes());
    assert_eq!(cache.truncate(3), 3);
    assert_eq!(add(&mut cache, 2), (0..5).collect::<Vec<_>>());
}

#[test]
fn queries_do_not_look_ahead() {
    for mut cache in caches() {
        add(&mut *cache, 2);
        let mask = cache.begin(3).expect("a mask").expect("several rows").to_vec2::<f32>().expect("rows");
        let seen = mask.iter().map(|row| row.iter().filter(|it| **it == 0.0).count());
        assert_eq!(seen.collect::<Vec<_>>(), [3, 4, 5]);
    }
}

fn caches() -> [Box<dyn KvCache>; 2] {
    [Box::new(Plain::new(SHAPE)), Box::new(Window::new(SHAPE, 2, 100))]
}

#[test]
fn copies_are_apart() {
    for mut cache in caches() {
        add(&mut *cache, 6);
        let mut copy = cache.copy(4).expect("memory").expect("a copy");
        assert_eq!(copy.n_tokens(), 4);
        assert_eq!(add(&mut *cache, 1), (0..7).collect::<Vec<_>>());
        assert_eq!(add(&mut *copy, 2), (0..6).collect::<Vec<_>>());
        assert_eq!(add(&mut *cache, 1), (0..8).collect::<Vec<_>>());
    }
}

#[test]
fn a_window_keeps_the_beginning_and_the_end() {
    let mut cache = Window::new(SHAPE, 2, 3);
    assert_eq!(add(&mut cache, 4), [0, 1, 2, 3]);
    assert_eq!(add(&mut cache, 1), [0, 1, 2, 3, 4]);
    assert_eq!(add(&mut cache, 1), [0, 1, 3, 4, 5]);
    assert_eq!(add(&mut cache, 4), [0, 1, 7, 8, 9]);
    assert_eq!(add(&mut cache, 1), [0, 1, 8, 9, 10]);
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
    assert_eq!(add(&mut cache, 1), [0, 1, 2]);
    add(&mut cache, 6);
    add(&mut cache, 1);
    assert_eq!(cache.truncate(10), 10);
    assert!(cache.copy(9).expect("memory").is_none());
    assert_eq!(cache.truncate(9), 0);
    assert_eq!(add(&mut cache, 2), [0, 1]);
}

#[test]
fn nothing_is_rounded() {
    for mut cache in caches() {
        cache.begin(1).expect("a mask");
        let new = cells(0, 0, 1);
        let (keys, _) = cache.extend(0, &new, &new).expect("cells");
        assert_eq!(keys.dtype(), DType::F32);
        assert!(cache.extend(SHAPE.n_layers, &new, &new).is_err());
    }
}

use super::*;
use proptest::prelude::*;

const BUDGET: Budget = Budget { n_tokens: 512, n_prompt_beside_decode: 128 };

/// `d10` decodes at position 10; `p10+300` has 300 tokens of its prompt to go from position 10.
fn check(needs: &str, expected: &str) {
    let needs: Vec<_> = needs
        .split_whitespace()
        .enumerate()
        .map(|(slot, need)| {
            let decoding = need.starts_with('d');
            let (n_past, n_pending) = need[1..].split_once('+').unwrap_or((&need[1..], "1"));
            let number = |text: &str| text.parse().expect("a number");
            Need { slot, n_past: number(n_past), n_pending: number(n_pending), decoding }
        })
        .collect();
    let shown: Vec<_> = plan(&needs, BUDGET)
        .iter()
        .map(|it| format!("{}:{}+{}{}", it.slot, it.start, it.n_tokens, if it.samples { "!" } else { "" }))
        .collect();
    assert_eq!(shown.join(" "), expected);
}

#[test]
fn nothing_to_do_is_an_empty_plan() {
    check("", "");
}

#[test]
fn decoding_comes_first() {
    check("p0+20 d7 d9", "1:7+1! 2:9+1! 0:0+20!");
}

#[test]
fn a_long_prompt_fills_the_batch_and_goes_on() {
    check("p0+2000", "0:0+512");
    check("p512+1488", "0:512+512");
    check("p1536+464", "0:1536+464!");
}

#[test]
fn a_long_prompt_is_cut_finer_beside_decoding() {
    check("d5 p0+2000", "0:5+1! 1:0+128");
}

#[test]
fn a_short_prompt_passes_a_long_one() {
    check("p0+2000 p0+30", "1:0+30! 0:0+482");
    check("p0+2000 p0+3000 p0+100", "2:0+100! 0:0+206 1:0+206");
}

fn needs() -> impl Strategy<Value = Vec<Need>> {
    let need = (0usize..9000, 1usize..3000, any::<bool>());
    prop::collection::vec(need, 0..40).prop_map(|needs| {
        let numbered = needs.into_iter().enumerate();
        numbered
            .map(|(slot, (n_past, n_pending, decoding))| Need {
                slot,
                n_past,
                n_pending: if decoding { 1 } else { n_pending },
                decoding,
            })
            .collect()
    })
}

fn budgets() -> impl Strategy<Value = Budget> {
    (40usize..600, 1usize..600)
        .prop_map(|(n_tokens, n_prompt_beside_decode)| Budget { n_tokens, n_prompt_beside_decode })
}

proptest! {
    #[test]
    fn the_budget_holds(needs in needs(), budget in budgets()) {
        let chunks = plan(&needs, budget);
        prop_assert!(chunks.iter().map(|chunk| chunk.n_tokens).sum::<usize>() <= budget.n_tokens);
        let n_prompt: usize =
            chunks.iter().filter(|chunk| !needs[chunk.slot].decoding).map(|chunk| chunk.n_tokens).sum();
        let n_prompts = needs.iter().filter(|need| !need.decoding).count();
        if needs.iter().any(|need| need.decoding) {
            prop_assert!(n_prompt <= budget.n_prompt_beside_decode.max(n_prompts));
        }
    }

    #[test]
    fn no_running_sequence_starves(needs in needs(), budget in budgets()) {
        let chunks = plan(&needs, budget);
        for need in &needs {
            prop_assert_eq!(chunks.iter().filter(|chunk| chunk.slot == need.slot && chunk.n_tokens > 0).count(), 1);
        }
    }

    #[test]
    fn positions_are_consecutive(mut needs in needs(), budget in budgets()) {
        let mut produced = vec![0; needs.len()];
        let ends: Vec<_> = needs.iter().map(|need| need.n_past + need.n_pending).collect();
        for _ in 0..50 {
            for chunk in plan(&needs, budget) {
                let need = &mut needs[chunk.slot];
                prop_assert_eq!(chunk.start, need.n_past);
                prop_assert_eq!(chunk.samples, chunk.n_tokens == need.n_pending);
                need.n_past += chunk.n_tokens;
                need.n_pending -= chunk.n_tokens;
                if chunk.samples {
                    produced[chunk.slot] += 1;
                    need.n_pending = 1;
                    need.decoding = true;
                }
            }
        }
        for (i, need) in needs.iter().enumerate() {
            let end = if produced[i] > 0 { ends[i] + produced[i] } else { ends[i] };
            prop_assert_eq!(need.n_past + need.n_pending, end);
        }
    }
}

use super::*;
use proptest::prelude::*;

const BUDGET: Budget = Budget { n_tokens: 512, n_prompt_beside_decode: 128, n_steps: 0 };

/// `d10` decodes at position 10; `p10+300` has 300 tokens of its prompt to go from position 10, `p10+300@900` has
/// waited for 900 ms, and of `p10+300-` more is known that comes later. Owners are letters before that: `b:p0+30`; without one it is `a`.
fn need(sequence: usize, text: &str) -> Need {
    let (share, text) = text.split_once(':').unwrap_or(("a", text));
    let number = |text: &str| text.parse().expect("a number");
    let (rest, waited_ms) = text[1..].split_once('@').unwrap_or((&text[1..], "0"));
    let (rest, is_part) = rest.strip_suffix('-').map_or((rest, false), |rest| (rest, true));
    let (n_past, n_pending) = rest.split_once('+').unwrap_or((rest, "1"));
    Need {
        sequence,
        share: Tenant(share.bytes().map(i64::from).sum()),
        set: crate::adapters::SetId::NONE,
        n_past: number(n_past),
        n_pending: number(n_pending),
        is_part,
        decoding: text.starts_with('d'),
        n_drafted: 0,
        waited_ms: number(waited_ms),
    }
}

fn check(needs: &str, expected: &str) {
    let needs: Vec<_> = needs.split_whitespace().enumerate().map(|(i, text)| need(i, text)).collect();
    let shown: Vec<_> = plan(&needs, BUDGET)
        .iter()
        .map(|it| {
            format!("{}:{}+{}{}", it.sequence, it.start, it.n_tokens, if it.samples { "!" } else { "" })
        })
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
fn a_part_of_a_prompt_gives_no_token() {
    check("p0+20- p0+30", "0:0+20 1:0+30!");
}

#[test]
fn a_long_prompt_is_cut_finer_beside_decoding() {
    check("d5 p0+2000", "0:5+1! 1:0+128");
}

#[test]
fn a_short_prompt_passes_a_long_one() {
    check("p0+2000 p0+30", "1:0+30! 0:0+98");
    check("p0+2000 p0+3000 p0+100", "2:0+100! 0:0+28");
}

#[test]
fn what_does_not_end_takes_less_of_a_step_that_gives_somebody_the_first_token() {
    check("p0+2000 p0+90 p0+110", "1:0+90! 2:0+110! 0:0+16");
    check("p0+2000 a:p0+30 b:p0+2000", "2:0+64 1:0+30! 0:0+34");
    check("p0+2000 a:p0+30 b:p0+200", "2:0+200! 1:0+30! 0:0+170");
    check("p0+2000 a:p0+190 b:p0+200", "2:0+200! 1:0+190! 0:0+16");
    // Nothing comes of its end, so nobody waits for it.
    check("p0+2000 p0+30-", "1:0+30 0:0+482");
}

#[test]
fn a_prompt_that_waited_long_enough_is_passed_no_more() {
    check("d5 p0+2000@1950 p0+100", "0:5+1! 1:0+128");
    check("d5 p0+2000@1800 p0+100", "0:5+1! 2:0+100! 1:0+28");
}

#[test]
fn everybody_has_the_same_share() {
    check("a:p0+900 a:p0+900 a:p0+900 b:p0+900", "3:0+256 0:0+256");
    check("a:p0+900 a:p0+900 b:p0+100-", "2:0+100 0:0+412");
    check("a:p0+900 a:p0+900 b:p0+100", "2:0+100! 0:0+128");
}

fn needs() -> impl Strategy<Value = Vec<Need>> {
    let need = (0usize..9000, 1usize..3000, any::<bool>(), 0i64..4, 0usize..5000);
    prop::collection::vec(need, 0..40).prop_map(|needs| {
        let numbered = needs.into_iter().enumerate();
        numbered
            .map(|(sequence, (n_past, n_pending, decoding, share, waited_ms))| Need {
                sequence,
                share: Tenant(share),
                set: crate::adapters::SetId::NONE,
                n_past,
                n_pending: if decoding { 1 } else { n_pending },
                is_part: false,
                decoding,
                n_drafted: 0,
                waited_ms,
            })
            .collect()
    })
}

fn budgets() -> impl Strategy<Value = Budget> {
    (40usize..600, 0usize..600, any::<u64>()).prop_map(|(n_tokens, n_prompt_beside_decode, n_steps)| Budget {
        n_tokens,
        n_prompt_beside_decode,
        n_steps,
    })
}

fn n_prompt_tokens(chunks: &[Chunk], needs: &[Need], tenant: Option<Tenant>) -> usize {
    let counts = |chunk: &&Chunk| {
        let need = &needs[chunk.sequence];
        !need.decoding && tenant.is_none_or(|tenant| need.share == tenant)
    };
    chunks.iter().filter(counts).map(|chunk| chunk.n_tokens).sum()
}

proptest! {
    #[test]
    fn the_budget_holds_and_is_used(needs in needs(), budget in budgets()) {
        let chunks = plan(&needs, budget);
        let n_tokens: usize = chunks.iter().map(|chunk| chunk.n_tokens).sum();
        prop_assert!(n_tokens <= budget.n_tokens);
        let n_decoding = needs.iter().filter(|need| need.decoding).count();
        let mut room = budget.n_tokens - n_decoding;
        if n_decoding > 0 {
            room = room.min(budget.n_prompt_beside_decode);
        }
        let asked: usize = needs.iter().filter(|need| !need.decoding).map(|need| need.n_pending).sum();
        let spent = n_prompt_tokens(&chunks, &needs, None);
        if n_decoding == 0 && chunks.iter().any(|chunk| chunk.samples) {
            prop_assert!(spent >= room.min(asked).min(budget.n_prompt_beside_decode) && spent <= room);
        } else {
            prop_assert_eq!(spent, room.min(asked));
        }
    }

    #[test]
    fn whoever_decodes_has_a_token_in_every_step(needs in needs(), budget in budgets()) {
        let chunks = plan(&needs, budget);
        for need in &needs {
            let n = chunks.iter().filter(|chunk| chunk.sequence == need.sequence && chunk.n_tokens > 0).count();
            let fits = if need.decoding { n == 1 } else { n <= 1 };
            prop_assert!(fits);
        }
    }

    #[test]
    fn guesses_only_take_what_tokens_leave(
        mut needs in needs(),
        drafts in prop::collection::vec(0usize..40, 40),
        budget in budgets(),
    ) {
        for (need, n_drafted) in needs.iter_mut().zip(drafts).filter(|(need, _)| need.decoding) {
            need.n_drafted = n_drafted;
        }
        let chunks = plan(&needs, budget);
        prop_assert!(chunks.iter().map(|chunk| chunk.n_tokens).sum::<usize>() <= budget.n_tokens);
        for need in needs.iter().filter(|need| need.decoding) {
            let chunk = chunks.iter().find(|chunk| chunk.sequence == need.sequence);
            let chunk = chunk.ok_or_else(|| TestCaseError::fail("a sequence without its token"))?;
            prop_assert_eq!(chunk.n_tokens, 1 + chunk.n_drafted);
            prop_assert!(chunk.n_drafted <= need.n_drafted);
            let rows = (chunk.start..chunk.start + chunk.n_tokens).filter(|&i| chunk.has_logits(i)).count();
            prop_assert_eq!(rows, chunk.n_tokens);
        }
    }

    #[test]
    fn nobody_gets_more_while_somebody_wants_as_much(needs in needs(), budget in budgets()) {
        let chunks = plan(&needs, budget);
        let spent = |tenant| n_prompt_tokens(&chunks, &needs, Some(Tenant(tenant)));
        for tenant in 0..4 {
            let wanted: usize = needs
                .iter()
                .filter(|need| need.share == Tenant(tenant) && !need.decoding)
                .map(|need| need.n_pending)
                .sum();
            for other in 0..4 {
                // Shares are whole tokens.
                prop_assert!(spent(tenant) == wanted || spent(other) <= spent(tenant) + 1);
            }
        }
    }

    #[test]
    fn every_prompt_ends_however_many_come_after_it(n_tokens in 1usize..5000, short in 1usize..200) {
        let mut long = need(0, "p0+1");
        long.n_pending = n_tokens;
        for step in 0..400 {
            let mut newcomer = need(1, "p0+1");
            newcomer.n_pending = short;
            let chunks = plan(&[long, newcomer, need(2, "d1")], BUDGET);
            let n = chunks.iter().filter(|chunk| chunk.sequence == 0).map(|chunk| chunk.n_tokens).sum::<usize>();
            if n == long.n_pending {
                return Ok(());
            }
            (long.n_past, long.n_pending, long.waited_ms) = (long.n_past + n, long.n_pending - n, step * 100);
        }
        prop_assert!(false, "{} tokens are still to come", long.n_pending);
    }

    #[test]
    fn a_long_prompt_gets_on_beside_short_ones_that_end_in_every_step(n_tokens in 1usize..5000, short in 1usize..400) {
        let mut long = need(0, "p0+1");
        long.n_pending = n_tokens;
        let n_steps = n_tokens.div_ceil(BUDGET.n_prompt_beside_decode / LEAST_BESIDE_ENDINGS);
        for _ in 0..n_steps {
            let newcomer = Need { n_pending: short, ..need(1, "p0+1") };
            let chunks = plan(&[long, newcomer], BUDGET);
            let n = chunks.iter().filter(|chunk| chunk.sequence == 0).map(|chunk| chunk.n_tokens).sum::<usize>();
            (long.n_past, long.n_pending) = (long.n_past + n, long.n_pending - n);
        }
        prop_assert_eq!(long.n_pending, 0);
    }

    /// One who has the longest prompt of all, beside others whose prompts never end.
    #[test]
    fn every_share_gets_as_much_in_the_end_where_there_are_fewer_tokens_than_shares(
        others in prop::collection::vec(1usize..300, 1..60),
        n_prompt_beside_decode in 1usize..20,
        n_before in 0u64..1000,
    ) {
        let mut needs = vec![need(0, "d1"), need(1, "p0+3000")];
        for (i, &n_pending) in others.iter().enumerate() {
            needs.push(Need { share: Tenant(1000 + i as i64), n_pending, ..need(2 + i, "p0+1") });
        }
        let n_shares = 1 + others.len();
        // A round: as many steps as there are shares.
        let steps = (n_before..).take(n_shares);
        let n_tokens = steps.map(|n_steps| {
            let budget = Budget { n_prompt_beside_decode, n_steps, ..BUDGET };
            let chunks = plan(&needs, budget);
            n_prompt_tokens(&chunks, &needs, Some(needs[1].share))
        });
        prop_assert!(n_tokens.sum::<usize>() >= n_prompt_beside_decode.min(n_shares));
    }

    #[test]
    fn positions_are_consecutive(mut needs in needs(), budget in budgets()) {
        let mut produced = vec![0; needs.len()];
        let ends: Vec<_> = needs.iter().map(|need| need.n_past + need.n_pending).collect();
        for _ in 0..50 {
            for chunk in plan(&needs, budget) {
                let need = &mut needs[chunk.sequence];
                prop_assert_eq!(chunk.start, need.n_past);
                prop_assert_eq!(chunk.samples, chunk.n_tokens == need.n_pending);
                need.n_past += chunk.n_tokens;
                need.n_pending -= chunk.n_tokens;
                if chunk.samples {
                    produced[chunk.sequence] += 1;
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

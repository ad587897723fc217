//! Decision: for which teams and hosts more transfers may start: fetches of recordings, or webhooks.
//!
//! A host that hangs, or a team whose hosts hang, must leave places for others. So a team may have at most as many
//! transfers as places are free, and half as many with one host. Alone, a team gets half of the places, and a host a
//! third. Several teams get the same each, and leave as much free. If each takes all it can before the next one comes,
//! each gets half as much as the one before; this evens out as their transfers end.
//!
//! Two hosts that are slow can take all that a team gets. So a team gets one more transfer with each host that has none,
//! until only a quarter of the places is free. That quarter is for other teams.
//!
//! A host counts per team: many teams may have their recordings in the same storage service, which does not hang for all
//! of them because it hangs for one.

use std::collections::BTreeMap;

use crate::store::Busy;

/// A recording that is being fetched, or a webhook that is being sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Transfer<'a> {
    pub(crate) team: &'a str,
    pub(crate) host: &'a str,
}

/// Returns for whom no more transfers may start in addition to `transfers`, in a number of `places`. `None` if no place is
/// free.
pub(crate) fn busy(transfers: &[Transfer<'_>], places: usize) -> Option<Busy> {
    let free = places.saturating_sub(transfers.len());
    if free == 0 {
        return None;
    }
    let mut teams = BTreeMap::<_, usize>::new();
    let mut hosts = BTreeMap::<_, usize>::new();
    for transfer in transfers {
        *teams.entry(transfer.team).or_default() += 1;
        *hosts.entry((transfer.team, transfer.host)).or_default() += 1;
    }
    teams.retain(|_, count| *count >= free);
    let mut busy = Busy::default();
    for ((team, host), count) in hosts {
        if 2 * count >= free || teams.contains_key(team) {
            busy.hosts.insert((team.to_owned(), host.to_owned()));
        }
    }
    // Until then, a team that has its share gets transfers with other hosts.
    if 4 * free <= places {
        busy.teams = teams.into_keys().map(str::to_owned).collect();
    }
    Some(busy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transfers<'a>(team: &'a str, hosts: &[(&'a str, usize)]) -> Vec<Transfer<'a>> {
        let transfers = hosts.iter().map(|(host, count)| {
            let transfer = Transfer { team, host };
            vec![transfer; *count]
        });
        transfers.flatten().collect()
    }

    fn has_share(transfers: &[Transfer<'_>], places: usize, team: &str, host: &str) -> bool {
        busy(transfers, places).is_some_and(|busy| {
            let host = (team.to_owned(), host.to_owned());
            !busy.teams.contains(team) && !busy.hosts.contains(&host)
        })
    }

    #[test]
    fn a_team_gets_half_of_the_places_and_a_host_a_third() {
        for (places, hosts, [same_host, same_team, other_team]) in [
            (24, vec![], [true, true, true]),
            (24, vec![("a", 7)], [true, true, true]),
            (24, vec![("a", 8)], [false, true, true]),
            (24, vec![("b", 8), ("a", 3)], [true, true, true]),
            (24, vec![("b", 8), ("a", 4)], [false, true, true]),
            (24, vec![("b", 4), ("a", 4), ("d", 4)], [false, true, true]),
            // Hosts without a transfer get one each, and leave a quarter to other teams.
            (24, vec![("b", 8), ("c", 4)], [true, true, true]),
            (24, vec![("b", 8), ("c", 4), ("a", 1)], [false, true, true]),
            (24, vec![("b", 8), ("c", 8), ("a", 1)], [false, true, true]),
            (24, vec![("b", 8), ("c", 8), ("a", 2)], [false, false, true]),
            (24, vec![("b", 8), ("c", 8), ("d", 2)], [false, false, true]),
            // They may have been fewer places once.
            (24, vec![("a", 23)], [false, false, true]),
            (24, vec![("a", 24)], [false, false, false]),
            (24, vec![("a", 99)], [false, false, false]),
            (16, vec![("a", 5)], [true, true, true]),
            (16, vec![("a", 6)], [false, true, true]),
            (16, vec![("b", 6), ("a", 1)], [true, true, true]),
            (16, vec![("b", 6), ("a", 2)], [false, true, true]),
            (16, vec![("b", 6), ("c", 5), ("a", 1)], [false, false, true]),
        ] {
            let transfers = transfers("ada", &hosts);
            let shares = [("ada", "a"), ("ada", "z"), ("bob", "a")];
            let found = shares.map(|(team, host)| has_share(&transfers, places, team, host));
            assert_eq!(
                found,
                [same_host, same_team, other_team],
                "{hosts:?} of {places}"
            );
        }
    }

    #[test]
    fn teams_that_hang_share_the_places_and_leave_some_free() {
        let teams: Vec<_> = (0..23).map(|team| format!("team-{team}")).collect();
        let all_hosts: Vec<_> = (0..24).map(|host| format!("host-{host}")).collect();
        for (hanging, hosts, in_turn, one_after_another) in [
            (1, 1, vec![8], vec![8]),
            (1, 2, vec![12], vec![12]),
            (1, 24, vec![18], vec![18]),
            (2, 2, vec![8, 8], vec![12, 6]),
            (2, 24, vec![9, 9], vec![18, 3]),
            (3, 24, vec![6, 6, 6], vec![18, 3, 2]),
            (5, 24, vec![4, 4, 4, 4, 4], vec![18, 3, 2, 1, 0]),
            (
                23,
                2,
                vec![1; 23],
                [vec![12, 6, 3, 2, 1], vec![0; 18]].concat(),
            ),
        ] {
            let (teams, all_hosts) = (&teams[..hanging], &all_hosts[..hosts]);
            for (is_in_turn, expected) in [(true, in_turn), (false, one_after_another)] {
                let mut held = Vec::new();
                loop {
                    let next = teams.iter().find_map(|team| {
                        let count = count(&held, team);
                        let is_next = !is_in_turn
                            || teams.iter().all(|team| count <= self::count(&held, team));
                        let host = all_hosts
                            .iter()
                            .find(|host| has_share(&held, 24, team, host))?;
                        is_next.then_some(Transfer { team, host })
                    });
                    match next {
                        Some(next) => held.push(next),
                        None => break,
                    }
                }
                let counts: Vec<_> = teams.iter().map(|team| count(&held, team)).collect();
                assert_eq!(counts, expected, "{hosts} hosts");
            }
        }
    }

    #[test]
    fn a_host_goes_on_while_others_of_its_team_are_slow() {
        let held = transfers("ada", &[("slow-1", 8), ("slow-2", 4)]);
        assert!(!has_share(&held, 24, "ada", "slow-1") && !has_share(&held, 24, "ada", "slow-2"));
        assert!(has_share(&held, 24, "ada", "healthy"));
        // As long as it has a transfer, other hosts are next.
        let held = [held, transfers("ada", &[("healthy", 1)])].concat();
        assert!(!has_share(&held, 24, "ada", "healthy") && has_share(&held, 24, "ada", "another"));
        assert!(!has_share(&held, 24, "ada", "slow-2") && has_share(&held, 24, "bob", "slow-2"));
    }

    fn count(held: &[Transfer<'_>], team: &str) -> usize {
        held.iter().filter(|transfer| transfer.team == team).count()
    }
}

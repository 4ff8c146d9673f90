"""Seeds that are known to find a bug which few of them do; `make bugs` tries these first."""

from __future__ import annotations

from collections.abc import Mapping

SEEDS: Mapping[str, tuple[int, ...]] = {
    "no_incarnations": (29,),
    "no_tombstones": (26,),
    "drafts_not_settled": (23,),
    "no_lanes": (26,),
    "load_overtakes": (176,),
    "closed_says_it_once": (14,),
    "deciders_survive_the_journal": (29,),
    "pending_is_forgotten": (24,),
    "view_is_not_renewed": (23,),
    "slots_are_counted": (23,),
    "broken_is_released": (14,),
    "not_live_is_not_told": (23,),
    "gateway_is_silent": (26,),
    "steps_have_new_names": (24,),
    "steps_are_asked_once": (116,),
    "late_fills_are_dropped": (99,),
    "resend_on_timeout": (28,),
    "unknown_is_sent_again": (26,),
    "skip_reconciliation": (23,),
    "lists_are_believed": (24,),
    "slot_leaks": (149,),
    "queue_row_stays": (23,),
}

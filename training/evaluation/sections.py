"""The sections of the evaluation, in the order of the table, and the decisions of all their nodes."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from benchmarks.figures import Figure
from training.evaluation import other_sections, text_sections
from training.evaluation.bench import Bench, Row
from training.evaluation.decisions import Decisions
from training.evaluation.trials import Trial, Trials

Section = Callable[[Bench], Awaitable[Sequence[Row]]]

SECTIONS: Mapping[str, Section] = {
    "reading": text_sections.reading,
    "sizes": text_sections.sizes,
    "count": text_sections.counting,
    "any_none": text_sections.any_none,
    "most_common": text_sections.most_common,
    "others": text_sections.others,
    "flat": text_sections.flat,
    "unknown": other_sections.unknown,
    "crafting": other_sections.crafting,
    "gain": other_sections.gain,
}


def of_decisions(trials: Sequence[Trial]) -> Sequence[Row]:
    """How often nodes of these trees split, or did not, against what the ideal policy would have done there."""
    crafted = Trials([trial for trial in trials if trial.problem.task.tools], 0.0)
    read = Trials([trial for trial in trials if not trial.problem.task.tools], 0.0)
    return [*_rates("texts", read.decisions), *_rates("crafting", crafted.decisions)]


def _rates(family: str, found: Decisions) -> Sequence[Row]:
    rates = (("over-split", found.over, found.had_not), ("under-split", found.under, found.had_to))
    return [
        Row(
            Figure(
                name=f"{name}, {family}",
                value=100 * wrong / many,
                unit="%",
                note=f"{wrong:,} of {many:,} nodes that {'had to split' if name[0] == 'u' else 'had not to split'}",
            )
        )
        for name, wrong, many in rates
        if many
    ]

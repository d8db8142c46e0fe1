"""What a page must say of runs that lack something, each sentence once."""

from collections.abc import Iterator


class Notes:
    """Sentences about runs, in the order in which they come up; one that several runs share names them all."""

    def __init__(self) -> None:
        self.runs: dict[str, list[str]] = {}

    def add(self, sentence: str, run: str | None = None) -> None:
        """Note a sentence, of one run or of the page as a whole."""
        named = self.runs.setdefault(sentence, [])
        if run is not None and run not in named:
            named.append(run)

    def __iter__(self) -> Iterator[str]:
        """Return the sentences, the runs in front."""
        return (f"{', '.join(runs)}: {sentence}" if runs else sentence for sentence, runs in self.runs.items())

    def __len__(self) -> int:
        """Return number of sentences."""
        return len(self.runs)

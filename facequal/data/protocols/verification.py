"""Verification benchmarks: which images, which pairs of them, and by which rule they are scored."""

from collections.abc import Sequence
from pathlib import Path

from facequal.data.protocols.base import Rule, VerificationProtocol
from facequal.data.protocols.gallery import GallerySearch, first_image_gallery
from facequal.data.protocols.pair_sampling import count_pairs, sample_pairs
from facequal.data.protocols.pairs import VerificationPairs, read_bin, read_pairs_txt
from facequal.data.sources.datasets import FolderDataset
from facequal.data.sources.splits import IdentitySubset
from facequal.procedural import Impostors, ProceduralFaces, procedural_pairs


class PairsFile(VerificationProtocol):
    """Pairs from a text file over a folder of identities: LFW, XQLFW and sets written like them.

    Args:
        name: Name of the benchmark in results.
        pairs: The list, such as LFW's `pairs.txt`.
        root: Folder of `<name>/<name>_NNNN.jpg`.
        rule: See `VerificationProtocol`.
        size_px: Height and width to bring the images to, in pixels.
    """

    def __init__(self, name: str, pairs: str, root: str, rule: Rule = "grid", size_px: int = 112) -> None:
        super().__init__(name, rule, size_px)
        self.paths = self.pairs_path, self.root = Path(pairs), Path(root)

    def load(self) -> list[VerificationPairs]:
        """Read the list."""
        return [read_pairs_txt(self.pairs_path, self.root, name=self.name, size_px=self.size_px)]


class PairsBin(VerificationProtocol):
    """An InsightFace verification file: lfw.bin, cfp_fp.bin, agedb_30.bin, calfw.bin, cplfw.bin and people's own.

    Args:
        path: The file.
        name: Name of the benchmark in results; None takes the file's name.
        rule: See `VerificationProtocol`.
        size_px: Height and width to bring the images to, in pixels.

    Example:
        >>> PairsBin("datasets/faces_emore/cfp_fp.bin").name
        'cfp_fp'
    """

    def __init__(self, path: str, name: str | None = None, rule: Rule = "grid", size_px: int = 112) -> None:
        super().__init__(name or Path(path).stem, rule, size_px)
        self.path = Path(path)
        self.paths = (self.path,)

    def load(self) -> list[VerificationPairs]:
        """Read the file."""
        return [read_bin(self.path, name=self.name, size_px=self.size_px)]


class FolderPairs(VerificationProtocol):
    """Drawn pairs over a folder of identities that comes without a list.

    Args:
        name: Name of the benchmark in results.
        root: Folder of `<identity>/<image>`.
        num_pairs: Pairs, half of them of the same person, a multiple of 20; None draws 6,000, or as many as there are.
        seed: Seed of the draw.
        rule: See `VerificationProtocol`.
        size_px: Height and width to bring the images to, in pixels.
    """

    def __init__(
        self,
        name: str,
        root: str,
        num_pairs: int | None = None,
        seed: int = 0,
        rule: Rule = "exact",
        size_px: int = 112,
    ) -> None:
        super().__init__(name, rule, size_px)
        self.root, self.num_pairs, self.seed = Path(root), num_pairs, seed
        self.paths = (self.root,)

    def load(self) -> list[VerificationPairs]:
        """Index the folder and draw the pairs."""
        images = FolderDataset(self.root, size_px=self.size_px)
        num_pairs = self.num_pairs or min(6000, 20 * (min(count_pairs(images.labels)) // 10))
        pairs, is_same = sample_pairs(images.labels, num_pairs, seed=self.seed)
        return [VerificationPairs(self.name, images, pairs, is_same, folds=10)]


class ProceduralPairs(VerificationProtocol):
    """Procedural faces of people the training set does not hold, with one list of pairs per kind of impostor.

    Args:
        name: Name of the benchmark in results, before a slash and the kind of impostor.
        num_identities: Number of people.
        images_per_identity: Images of each person.
        first_identity: Number of the first person; choose one beyond those of the training set.
        impostors: Kinds of impostors: from other families, from the same family, or half of each.
        num_pairs: Pairs per list, half of them of the same person.
        size_px: Height and width of the images in pixels.
        seed: Seed of the faces and of the draw of pairs; under the training set's seed, `first_identity` keeps people
            apart.
        cache_dir: Folder of the rendered faces, see `ProceduralFaces`.
        rule: See `VerificationProtocol`.
        search: Also search every image in a gallery of the first image of every person.

    Example:
        >>> protocol = ProceduralPairs(num_identities=12, num_pairs=20, search=True)
        >>> [(pairs.name, pairs.pairs.shape) for pairs in protocol.pair_lists]
        [('procedural/other-family', (20, 2)), ('procedural/mixed', (20, 2))]
        >>> len(protocol.searches[0].gallery)
        12
    """

    def __init__(
        self,
        name: str = "procedural",
        num_identities: int = 150,
        images_per_identity: int = 6,
        first_identity: int = 612,
        impostors: Sequence[Impostors] = ("other-family", "mixed"),
        num_pairs: int = 3000,
        size_px: int = 112,
        seed: int = 0,
        cache_dir: str | None = None,
        rule: Rule = "exact",
        search: bool = False,
    ) -> None:
        super().__init__(name, rule, size_px)
        self.impostors, self.num_pairs, self.seed, self.search = tuple(impostors), num_pairs, seed, search
        self.faces = ProceduralFaces(
            num_identities, images_per_identity, size_px, seed=seed, first_identity=first_identity, cache_dir=cache_dir
        )

    def load(self) -> list[VerificationPairs]:
        """Draw the lists."""
        lists = []
        for impostors in self.impostors:
            pairs, is_same = procedural_pairs(
                self.faces.labels, self.faces.families, impostors, self.num_pairs, seed=self.seed
            )
            lists.append(VerificationPairs(f"{self.name}/{impostors}", self.faces, pairs, is_same, folds=10))
        return lists

    @property
    def searches(self) -> list[GallerySearch]:
        """The search over all faces, if there is one."""
        return [first_image_gallery(f"{self.name}/search", self.faces.labels)] if self.search else []


class HeldOutPairs(VerificationProtocol):
    """Drawn pairs of identities held out of the training set; the data module makes them.

    Args:
        images: The images of the held-out identities.
        num_pairs: Pairs, half of them of the same person.
        seed: Seed of the draw.
    """

    def __init__(self, images: IdentitySubset, num_pairs: int, seed: int) -> None:
        super().__init__("held-out", "exact")
        self.held_out, self.num_pairs, self.seed = images, num_pairs, seed

    def load(self) -> list[VerificationPairs]:
        """Draw the list."""
        pairs, is_same = sample_pairs(self.held_out.labels, self.num_pairs, seed=self.seed)
        return [VerificationPairs(self.name, self.held_out, pairs, is_same, folds=10)]

"""Services that keep certificates without a name: whose is one that is there already?

What a killed run uploaded is found by the certificate itself, and so would be what another resource put
there, or the one that is being replaced: two with one object would remove each other's. A resource takes for
its own what nothing in the stack's state has, and what no other of this process has uploaded.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from stacks.provider.deploy.stored import Found
from stacks.provider.run import Operation


@dataclass(frozen=True, slots=True)
class Unnamed:
    """The uploads of one resource of type `token`."""

    operation: Operation
    token: str

    def found_or_uploaded(
        self, where: tuple[str, ...], there: Callable[[], Iterable[Found]], upload: Callable[[], Found]
    ) -> Found:
        """What is `there` and is nobody's, else what `upload` makes.

        `where` says which certificate at which place: of these, one at a time looks and uploads.
        """
        run, urn = self.operation.run, self.operation.urn
        with run.alone(self.token, *where):
            owned = self._owned()
            found = next((each for each in there() if each.id not in owned), None) or upload()
            run.uploaded[found.id] = urn
        return found

    def _owned(self) -> set[str]:
        run, urn = self.operation.run, self.operation.urn
        owned = {id_ for id_, by in run.uploaded.items() if by != urn}
        for each in run.held(self.token):
            ids = (each.outputs.get("certificateId"), *(each.outputs.get("superseded") or ()))
            owned |= {id_ for id_ in ids if id_}
        return owned

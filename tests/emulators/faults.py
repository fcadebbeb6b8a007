"""A cloud that fails now and then: it breaks the connection or answers 500, before or after its work."""

from random import Random

from tests.emulators.proxy import Handler, Request, Response


class Faulty:
    """Fails no call, until it begins to; `count` says how many it has failed."""

    def __init__(self, cloud: Handler) -> None:
        self.cloud = cloud
        self.count = 0
        self.begin(seed=1, share=0)

    def begin(self, seed: int, share: float = 0.1) -> None:
        """Fail about this share of the calls."""
        self.share = share
        self._random = Random(seed)

    def __call__(self, request: Request) -> Response:
        """What the cloud answers, or a fault."""
        if self._random.random() >= self.share:
            return self.cloud(request)
        self.count += 1
        if self._random.random() < 0.5:
            self.cloud(request)  # it is done, and nobody hears of it
        if self._random.random() < 0.5:
            raise ConnectionResetError
        return Response(500, {"content-type": "text/plain"}, b"internal error")

"""What is timed: each case has inputs, our call, the peers' calls, and the bytes that it cannot do without."""

import dataclasses
import typing


@dataclasses.dataclass
class Case:
    name: str
    shape: str
    floor: int  # bytes read and written once
    inputs: typing.Callable  # (number of the set) -> what the calls get
    ours: typing.Callable  # (inputs) -> call
    peers: dict  # name -> (inputs) -> call
    graph: bool = False  # measured as a CUDA graph too, and with warm caches
    samples: int = 15

    @property
    def key(self):
        return f"{self.name} {self.shape}"

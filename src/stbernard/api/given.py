"""What every handler is given: `call: GivenCall, parts: GivenParts` (Litestar's dependencies)."""

from litestar.di import NamedDependency
from litestar.params import FromPath

from stbernard.api.call import Call
from stbernard.api.parts import Parts

GivenCall = NamedDependency[Call]
GivenParts = NamedDependency[Parts]
InPath = FromPath[str]

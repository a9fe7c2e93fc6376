"""The site's app with value classes of the package petiole, as a worker and as what a client imports."""

import datetime
import typing
from dataclasses import dataclass

import petiole
import pydantic
from site_app import app, note


@petiole.value("shop.Line")
class Line(pydantic.BaseModel):
    sku: str = pydantic.Field(max_length=8)
    count: int = pydantic.Field(gt=0)
    at: datetime.datetime
    note: typing.Optional[str] = None


@petiole.value(
    "shop.Price",
    version=2,
    upgrade={1: lambda fields: {"amount": petiole.BigInt(fields["cents"]), "currency": "EUR"}},
)
@dataclass(frozen=True)
class Price:
    amount: petiole.BigInt
    currency: str


@petiole.value("old.Price")
@dataclass(frozen=True)
class OldPrice:
    """What TypeScript knows as the first version of shop.Price, by the name that it had then."""

    cents: int


@app.task(name="package.line", pydantic=True)
def line(line: Line, more: int = 1) -> Line:
    """Checked by Celery, and a value class: what arrives is one already."""
    assert type(line) is Line
    return line.model_copy(update={"count": line.count + more})


@app.task(name="package.learn")
def learn():
    """A deploy: from now on this process knows a class that it did not."""

    @petiole.value("shop.Voucher")
    @dataclass(frozen=True)
    class Voucher:
        code: str


@app.task(name="package.spend")
def spend(path, voucher):
    note(path, f"{type(voucher).__name__} {voucher.code}")

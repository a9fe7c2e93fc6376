"""Business objects that have no row: ../../money.ts is the same in TypeScript."""

from dataclasses import dataclass, replace

import petiole


@petiole.value("shop.Money")
@dataclass(frozen=True)
class Money:
    amount: petiole.BigInt  # of a millionth
    currency: str

    def times(self, count: int) -> "Money":
        return replace(self, amount=petiole.BigInt(self.amount * count))

    def __str__(self) -> str:
        return f"{self.amount // 1_000_000}.{self.amount % 1_000_000:06} {self.currency}"

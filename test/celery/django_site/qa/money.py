"""A value class, as money.ts has it."""

import attrs
import petiole


@petiole.value("shop.Money")
@attrs.frozen
class Money:
    amount: petiole.BigInt
    currency: str

    def plus(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError("another currency")
        return attrs.evolve(self, amount=petiole.BigInt(self.amount + other.amount))

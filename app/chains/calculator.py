"""Plain arithmetic for a model, which reads figures well and computes badly: exact, bounded, nothing but numbers."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, DecimalException, localcontext
from typing import Final

MAX_CHARS: Final = 200
_MAX_EXPONENT: Final = 100
_SHOWN_DECIMALS: Final = 6
_CONTEXT: Final = Context(prec=40, Emax=999, Emin=-999)

_SPELLINGS: Final = str.maketrans(
    {"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "^": "**", "\u00a0": " "}
)
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_CURRENCY: Final = re.compile(r"[$€£¥]|\b(?:USD|EUR|GBP)\b")
_PERCENT: Final = re.compile(r"(?<![\w.])(\d+(?:\.\d*)?|\.\d+)\s*%(?!\s*[\d(])")

_OPERATORS: Final[Mapping[type[ast.AST], Callable[..., Decimal]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


def _mean(*values: Decimal) -> Decimal:
    return sum(values, Decimal()) / len(values)


_FUNCTIONS: Final[Mapping[str, Callable[..., Decimal]]] = {
    "abs": abs,
    "max": lambda *values: max(values),
    "mean": _mean,
    "min": lambda *values: min(values),
    "round": lambda value, digits=Decimal(): round(value, int(digits)),
    "sqrt": lambda value: value.sqrt(),
    "sum": lambda *values: sum(values, Decimal()),
}
_OF_SEVERAL: Final = frozenset({"max", "mean", "min", "sum"})
"""Of one value they are a slip: "sum(100,200)" names two, or one whose thousands are separated."""


def calculate(expression: str) -> Decimal | None:
    """The value of an expression such as `(1,450 - 1,300) / 1,300 * 100`; None when it is not arithmetic.

    Understood are `+ - * / // % ** ( )`, `abs max mean min round sqrt sum`, thousands separated by commas, currency
    signs, and `5%` for 0.05. Nothing else is evaluated, and nothing large is computed.
    """
    if len(expression) > MAX_CHARS:
        return None
    plain = _THOUSANDS.sub("", _CURRENCY.sub("", expression.translate(_SPELLINGS)))
    plain = _PERCENT.sub(r"(\1/100)", plain).strip()
    try:
        with localcontext(_CONTEXT):
            value = _value_of(ast.parse(plain, mode="eval").body, plain)
    except (
        SyntaxError,
        ValueError,
        TypeError,
        ArithmeticError,
        DecimalException,
        RecursionError,
        MemoryError,
    ):
        return None
    return value if value.is_finite() else None


def show_number(value: Decimal) -> str:
    """With thousands separated, and at most six decimals."""
    shown = f"{value:z,.{_SHOWN_DECIMALS}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


@dataclass(frozen=True, slots=True)
class Calculation:
    """An expression as it was asked for, and its value."""

    expression: str
    value: Decimal

    def __str__(self) -> str:
        return f"{self.expression} = {show_number(self.value)}"


def calculate_all(expressions: Sequence[str]) -> list[Calculation]:
    """Those of the expressions that are arithmetic."""
    values = ((expression.strip(), calculate(expression)) for expression in expressions)
    return [Calculation(expression, value) for expression, value in values if value is not None]


def roundings(value: Decimal) -> Sequence[str]:
    """How a writer may state it: rounded to few decimals, as a whole number, without its sign."""
    return [f"{abs(value):.{decimals}f}" for decimals in range(5)] + [show_number(abs(value))]


def _value_of(node: ast.AST, source: str) -> Decimal:
    """Raises ValueError for what is no arithmetic."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _CONTEXT.create_decimal(ast.get_source_segment(source, node) or "")  # a float is not exact
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _power(_value_of(left, source), _value_of(right, source))
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATORS:
            return _OPERATORS[type(operation)](_value_of(left, source), _value_of(right, source))
        case ast.UnaryOp(op=operation, operand=operand) if type(operation) in _OPERATORS:
            return _OPERATORS[type(operation)](_value_of(operand, source))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS and len(
            arguments
        ) > (name in _OF_SEVERAL):
            return _FUNCTIONS[name](*(_value_of(argument, source) for argument in arguments))
    raise ValueError("not arithmetic")


def _power(base: Decimal, exponent: Decimal) -> Decimal:
    if abs(exponent) > _MAX_EXPONENT:
        raise ValueError("the exponent is too large")
    return base**exponent

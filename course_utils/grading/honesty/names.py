"""What the names in a submission stand for, followed through imports and assignments.

`F.scaled_dot_product_attention`, after `import torch.nn.functional as F`, is the path
`torch.nn.functional.scaled_dot_product_attention`. A name may have had several meanings; all of them count.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator

from course_utils.grading.honesty.reading import CodeCell, parse, statements, walk

MOST_PATHS = 12
LONGEST_PATH = 200
MOST_TEXT = 400
UNKNOWN = "?"
"""The last part of a path whose name is made while the code runs, so that it cannot be read."""
CHECKER = "course_utils.checker()"
"""The path of what `checker("part/chapter")` returns."""

BINDERS = (
    ast.Import,
    ast.ImportFrom,
    ast.Assign,
    ast.AnnAssign,
    ast.NamedExpr,
    ast.withitem,
    ast.For,
    ast.comprehension,
    ast.arguments,
)

Paths = frozenset[str]
NOTHING: Paths = frozenset()
Table = dict[str, Paths]


class Names:
    """The meanings of names in one submission."""

    def __init__(self) -> None:
        self.everywhere: Table = {}
        self.texts: dict[str, str] = {}
        self._stars: list[tuple[int, str]] = []
        self._defined: dict[str, int] = {}
        self._locals: dict[int, Table] = {}
        self._time = 0
        self._memory: dict[int, Paths] | None = None
        self._walked: dict[int, list[ast.AST]] = {}

    def learn(self, cells: Iterable[CodeCell]) -> None:
        """Take note of every import and assignment, in the order of the cells."""
        for _, statement in statements(cells):
            self._time += 1
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self._defined.setdefault(statement.name, self._time)
                table: Table = {}
                self._locals[id(statement)] = table
                # Twice, for what is used further up in the text than it is made.
                self._learn(statement, statement, table)
                self._learn(statement, statement, table)
            else:
                self._learn(statement, statement, self.everywhere)

    def parts(self, top: ast.AST) -> list[ast.AST]:
        """Return all parts of a statement; they are asked for several times."""
        # The statement is kept as well, so that its id stays its own.
        if id(top) not in self._walked:
            self._walked[id(top)] = walk(top)
        return self._walked[id(top)]

    def _learn(self, top: ast.stmt, statement: ast.stmt, table: Table) -> None:
        for node in self.parts(statement):
            if not isinstance(node, BINDERS):
                continue
            match node:
                case ast.Import(names):
                    for alias in names:
                        first = alias.name.split(".")[0]
                        _add(table, alias.asname or first, [alias.name if alias.asname else first])
                case ast.ImportFrom(module, names):
                    self._learn_from(module or "", names, table)
                case ast.Assign(targets, value):
                    for target in targets:
                        self._bind(top, target, value, table)
                case ast.AnnAssign(target, _, ast.expr() as value) | ast.NamedExpr(target, value):
                    self._bind(top, target, value, table)
                case ast.withitem(value, ast.expr() as target):
                    self._bind(top, target, value, table)
                case ast.For(target, ast.Tuple(values) | ast.List(values)) | ast.comprehension(
                    target, ast.Tuple(values) | ast.List(values)
                ):
                    for value in values[:MOST_PATHS]:
                        self._bind(top, target, value, table)
                case ast.arguments():
                    # `def f(q, fused=F.scaled_dot_product_attention)`
                    parameters = [*node.posonlyargs, *node.args]
                    defaulted = zip(reversed(parameters), reversed(node.defaults), strict=False)
                    for argument, default in [
                        *defaulted,
                        *zip(node.kwonlyargs, node.kw_defaults, strict=True),
                    ]:
                        if default is not None:
                            _add(table, argument.arg, self.paths(default, top))

    def _learn_from(self, module: str, names: list[ast.alias], table: Table) -> None:
        for alias in names:
            if alias.name == "*":
                if len(self._stars) < MOST_PATHS:
                    self._stars.append((self._time, module))
            elif (module, alias.name) == ("course_utils", "checker"):
                _add(table, alias.asname or alias.name, ["course_utils.checker"])
            else:
                _add(table, alias.asname or alias.name, [f"{module}.{alias.name}"])

    def _bind(self, top: ast.stmt, target: ast.expr, value: ast.expr, table: Table) -> None:
        if isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
            for one, its in zip(target.elts, value.elts, strict=False):
                self._bind(top, one, its, table)
        elif isinstance(target, ast.Name):
            _add(table, target.id, self.paths(value, top))
            text = self.text(value)
            if text is not None:
                self.texts[target.id] = text
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            # `self.attend = F.scaled_dot_product_attention`
            _add(table, f"{target.value.id}.{target.attr}", self.paths(value, top))

    def paths(self, node: ast.AST, top: ast.stmt) -> Paths:
        """Return every path that an expression may stand for; none for what is no module's."""
        if self._memory is None:
            # Parts are asked for many times over, which would double the work at every level.
            self._memory = {}
            try:
                return self.paths(node, top)
            finally:
                self._memory = None
        if id(node) not in self._memory:
            self._memory[id(node)] = self._paths(node, top)
        return self._memory[id(node)]

    def _paths(self, node: ast.AST, top: ast.stmt) -> Paths:
        match node:
            case ast.Name(name):
                return self._of_name(name, top)
            case ast.Attribute(value, name):
                found = _inside(self.paths(value, top), name)
                if isinstance(value, ast.Name):
                    found |= self._of_name(f"{value.id}.{name}", top)
                return found
            case ast.IfExp(_, body, orelse):
                return self.paths(body, top) | self.paths(orelse, top)
            case ast.BoolOp(_, values):
                return NOTHING.union(*(self.paths(value, top) for value in values[:MOST_PATHS]))
            case ast.NamedExpr(_, value) | ast.Starred(value):
                return self.paths(value, top)
            case ast.Subscript(value, index):
                return self._of_item(value, index, top)
            case ast.Call():
                return self._of_call(node, top)
        return NOTHING

    def _of_name(self, name: str, top: ast.stmt) -> Paths:
        found = self._locals.get(id(top), {}).get(name, NOTHING) | self.everywhere.get(name, NOTHING)
        if not found and "." not in name:
            made = self._defined.get(name)
            # What a star brought in is out of sight once the student has defined the name.
            found |= {f"{module}.{name}" for time, module in self._stars if made is None or time > made}
        return found

    def _of_item(self, value: ast.expr, index: ast.expr, top: ast.stmt) -> Paths:
        """Follow `vars(m)["name"]`, `m.__dict__["name"]`, `sys.modules["name"]` and `globals()["name"]`."""
        text = self.text(index)
        if isinstance(value, ast.Attribute) and value.attr == "__dict__":
            return _inside(self.paths(value.value, top), text or UNKNOWN)
        if self.paths(value, top) & {"sys.modules"}:
            return frozenset({text}) if text else NOTHING
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            if value.func.id == "vars" and value.args:
                return _inside(self.paths(value.args[0], top), text or UNKNOWN)
            if value.func.id in ("globals", "locals", "vars") and text:
                return self._of_name(text, top)
        return NOTHING

    def _of_call(self, call: ast.Call, top: ast.stmt) -> Paths:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        called = self.paths(call.func, top)
        first = call.args[0] if call.args else None
        if first is None:
            return NOTHING
        if (name == "getattr" or called & {"builtins.getattr"}) and len(call.args) > 1:
            text = self.text(call.args[1])
            return _inside(self.paths(first, top), text or UNKNOWN)
        if isinstance(call.func, ast.Call) and self.paths(call.func.func, top) & {"operator.attrgetter"}:
            text = self.text(call.func.args[0]) if call.func.args else None
            return _inside(self.paths(first, top), text or UNKNOWN)
        if name == "__import__" or called & {"importlib.import_module", "importlib.__import__"}:
            text = self.text(first)
            if text is None:
                return NOTHING
            # `__import__("a.b")` returns a, and `import_module("a.b")` returns a.b.
            return frozenset(
                {text[:LONGEST_PATH]} | ({text.split(".")[0]} if name == "__import__" else set())
            )
        if called & {"course_utils.checker", "course_utils.checking.checker.checker"}:
            return frozenset({CHECKER})
        if called & {"functools.partial", "functools.wraps", "importlib.reload"} or name in (
            "staticmethod",
            "classmethod",
        ):
            return self.paths(first, top)
        if isinstance(call.func, ast.Attribute) and call.func.attr == "get":
            return self._of_item(call.func.value, first, top)
        return NOTHING

    def text(self, node: ast.AST, depth: int = 0) -> str | None:
        """Return the text that an expression of constants stands for, as far as that can be read."""
        if depth > 20:
            return None
        match node:
            case ast.Constant(str() as text):
                return text[:MOST_TEXT]
            case ast.Name(name):
                return self.texts.get(name)
            case ast.BinOp(left, ast.Add(), right):
                return _joined([self.text(left, depth + 1), self.text(right, depth + 1)])
            case ast.JoinedStr(values):
                return _joined([self.text(value, depth + 1) for value in values])
            case ast.FormattedValue(value, -1, None):
                return self.text(value, depth + 1)
            case ast.Call(ast.Attribute(value, "join"), [ast.List(parts) | ast.Tuple(parts)]):
                between = self.text(value, depth + 1)
                texts = [self.text(part, depth + 1) for part in parts]
                known = [text for text in texts if text is not None]
                return (
                    between.join(known)[:MOST_TEXT]
                    if between is not None and len(known) == len(texts)
                    else None
                )
            case ast.Subscript(value, ast.Slice(None, None, ast.UnaryOp(ast.USub(), ast.Constant(1)))):
                forward = self.text(value, depth + 1)
                return None if forward is None else forward[::-1]
        return None


def _joined(texts: list[str | None]) -> str | None:
    known = [text for text in texts if text is not None]
    return "".join(known)[:MOST_TEXT] if len(known) == len(texts) else None


def _inside(paths: Paths, name: str) -> Paths:
    return frozenset(f"{path}.{name}" for path in paths if len(path) < LONGEST_PATH)


def _add(table: Table, name: str, paths: Iterable[str]) -> None:
    known = table.get(name, NOTHING)
    more = [path[:LONGEST_PATH] for path in paths][: max(0, MOST_PATHS - len(known))]
    if more:
        table[name] = known | frozenset(more)


def nodes(statement: ast.AST, names: Names, depth: int = 0) -> Iterator[ast.AST]:
    """Go through all parts of a statement, and through code that it runs from a text, as in `exec("...")`."""
    for node in names.parts(statement):
        yield node
        if depth < 3 and isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            text = names.text(node.args[0]) if node.func.id in ("exec", "eval", "compile") else None
            if text is None:
                continue
            try:
                inner = parse(text.strip())
            except (SyntaxError, ValueError):
                continue
            for part in ast.walk(inner):
                if hasattr(part, "lineno"):
                    part.lineno = node.lineno  # the line of the cell
            yield from nodes(inner, names, depth + 1)


def definitions(cells: Iterable[CodeCell], names: Names) -> dict[str, list[tuple[CodeCell, ast.stmt]]]:
    """Return, for each name at the top of a submission, the statements that make or change its thing."""
    found: dict[str, list[tuple[CodeCell, ast.stmt]]] = defaultdict(list)
    for cell, statement in statements(cells):
        for name in sorted(_bound(statement, names)):
            found[name].append((cell, statement))
    return found


def _bound(statement: ast.stmt, names: Names) -> set[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {statement.name}
    bound = set()
    for node in nodes(statement, names):
        match node:
            case ast.Name(name, ast.Store()) | ast.alias(_, str() as name) | ast.alias(name, None):
                bound.add(name)
            case ast.FunctionDef(name) | ast.ClassDef(name):
                bound.add(name)
            case ast.Attribute(value, _, ast.Store()):
                # `Answer.forward = ...` changes Answer.
                while isinstance(value, ast.Attribute):
                    value = value.value
                if isinstance(value, ast.Name):
                    bound.add(value.id)
            case ast.Subscript(
                ast.Call(ast.Name("globals" | "locals" | "vars")), ast.Constant(str() as name)
            ):
                bound.add(name)
            case ast.Call(ast.Name("setattr"), [ast.Name(name), *_]):
                bound.add(name)
    return bound


def reach(
    start: str, made: dict[str, list[tuple[CodeCell, ast.stmt]]], others: Iterable[str], names: Names
) -> list[tuple[CodeCell, ast.stmt]]:
    """Return the statements that an answer is made of: its own, and those of the helpers that it uses.

    Args:
        start: The exercise's name.
        made: From `definitions`.
        others: The other exercises, at which the search ends: they are looked at by themselves.
        names: What the names stand for.
    """
    seen, waiting, found = {start, *others}, [start], []
    while waiting:
        for cell, statement in made.get(waiting.pop(), []):
            found.append((cell, statement))
            for node in names.parts(statement):
                if isinstance(node, ast.Name) and node.id not in seen:
                    seen.add(node.id)
                    waiting.append(node.id)
    unique = {id(statement): (cell, statement) for cell, statement in found}
    return list(unique.values())

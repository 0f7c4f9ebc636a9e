// Formulas over quantities of events, as a reader types them: read by a parser of our own, never run as a program.
"use strict";

(function () {
  const FUNCTIONS = {
    abs: [1, Math.abs], sqrt: [1, Math.sqrt], exp: [1, Math.exp], log: [1, Math.log], log10: [1, Math.log10], log2: [1, Math.log2],
    sin: [1, Math.sin], cos: [1, Math.cos], tan: [1, Math.tan], asin: [1, Math.asin], acos: [1, Math.acos], atan: [1, Math.atan],
    floor: [1, Math.floor], ceil: [1, Math.ceil], round: [1, Math.round], sign: [1, Math.sign], atan2: [2, Math.atan2], hypot: [2, Math.hypot],
    min: [2, Math.min], max: [2, Math.max], pow: [2, Math.pow],
  };
  const OPERATORS = {
    "+": (a, b) => a + b, "-": (a, b) => a - b, "*": (a, b) => a * b, "/": (a, b) => (b === 0 ? NaN : a / b), "^": (a, b) => a ** b,
  };
  const CONSTANTS = { pi: Math.PI, e: Math.E };
  const DEEPEST = 100; // brackets within brackets
  const TOKEN = /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_][\w.]*)|([-+*/^(),]))/y;

  function tokens(text) {
    const found = [];
    TOKEN.lastIndex = 0;
    while (text.slice(TOKEN.lastIndex).trim()) {
      const at = TOKEN.lastIndex;
      const match = TOKEN.exec(text);
      if (!match) throw new Error(`“${text.slice(at).trim().slice(0, 20)}” cannot be read`);
      found.push(match[1] !== undefined ? { number: Number(match[1]) } : match[2] !== undefined ? { name: match[2] } : { sign: match[3] });
    }
    return found;
  }

  /** The tree of a formula: numbers, names of quantities, and calls of functions of numbers. */
  function parse(text, isQuantity) {
    const list = tokens(text);
    let at = 0;
    let depth = 0;
    const sign = () => (at < list.length ? list[at].sign : undefined);

    function expect(wanted) {
      if (sign() !== wanted) throw new Error(`a “${wanted}” is missing`);
      at++;
    }

    function chain(next, signs) {
      let left = next();
      while (signs.includes(sign())) {
        const operator = list[at++].sign;
        left = { apply: OPERATORS[operator], of: [left, next()] };
      }
      return left;
    }

    const sum = () => chain(product, ["+", "-"]);
    const product = () => chain(unary, ["*", "/"]);

    function unary() {
      if (++depth > DEEPEST) throw new Error("the formula is too deep");
      try {
        if (sign() === "-") { at++; return { apply: (a) => -a, of: [unary()] }; }
        if (sign() === "+") { at++; return unary(); }
        const base = atom();
        if (sign() !== "^") return base;
        at++;
        return { apply: OPERATORS["^"], of: [base, unary()] };
      } finally {
        depth--;
      }
    }

    function atom() {
      const token = list[at];
      if (!token) throw new Error("the formula ends too early");
      if (token.number !== undefined) { at++; return { number: token.number }; }
      if (token.name !== undefined) {
        at++;
        return sign() === "(" ? call(token.name) : named(token.name);
      }
      expect("(");
      const inside = sum();
      expect(")");
      return inside;
    }

    function named(name) {
      if (isQuantity(name)) return { quantity: name };
      if (Object.hasOwn(CONSTANTS, name)) return { number: CONSTANTS[name] };
      throw new Error(`no quantity is called ${name}`);
    }

    function call(name) {
      if (!Object.hasOwn(FUNCTIONS, name)) throw new Error(`no function is called ${name}; there are ${Object.keys(FUNCTIONS).join(", ")}`);
      const [count, apply] = FUNCTIONS[name];
      expect("(");
      const of = [sum()];
      while (sign() === ",") { at++; of.push(sum()); }
      expect(")");
      if (of.length !== count) throw new Error(`${name} takes ${count} value${count > 1 ? "s" : ""}`);
      return { apply, of };
    }

    const tree = sum();
    if (at < list.length) throw new Error(`“${list[at].sign || list[at].name || list[at].number}” is too much`);
    return tree;
  }

  /** Names of the quantities in a tree. */
  function names(tree) {
    if (tree.quantity) return [tree.quantity];
    return (tree.of || []).flatMap(names);
  }

  /** Value of a tree for each of `count` events; `columns` has the numbers of each quantity. */
  function evaluate(tree, columns, count) {
    if (tree.number !== undefined) return new Float64Array(count).fill(tree.number);
    if (tree.quantity) return columns.get(tree.quantity);
    const parts = tree.of.map((part) => evaluate(part, columns, count));
    const found = new Float64Array(count);
    for (let i = 0; i < count; i++) found[i] = parts.length === 1 ? tree.apply(parts[0][i]) : tree.apply(parts[0][i], parts[1][i]);
    return found;
  }

  window.pinakesExpression = { parse, names, evaluate };
})();

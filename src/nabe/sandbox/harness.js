// Runs one codec, inside the sandbox. Evaluated before the codec, so what it needs is taken before a codec can change it.
//
// A codec's file is the body of a function that is called anew for each message: its variables live as long as one call.
// What it makes global by leaving out `var` is removed afterwards. So no message sees anything of the one before.
(function (name, most) {
  "use strict";
  const world = globalThis;
  const { parse, stringify } = JSON;
  const { ownKeys, deleteProperty, apply } = Reflect;
  const { isArray } = Array;
  const Moment = Date;
  const Text = String;
  const Fault = Error;
  const own = new Set(ownKeys(world));
  const has = Function.prototype.call.bind(Set.prototype.has);
  const slice = Function.prototype.call.bind(String.prototype.slice);
  const NONE = Symbol();
  const log = () => undefined;
  world.console = { log, info: log, warn: log, error: log, debug: log, trace: log };
  own.add("console");

  const said = (problem) => {
    if (problem instanceof Fault) return slice(Text(problem.name) + ": " + Text(problem.message), 0, 300);
    return slice(typeof problem === "string" ? problem : Text(problem), 0, 300);
  };

  const sweep = () => {
    const keys = ownKeys(world);
    if (keys.length === own.size) return;
    for (let at = 0; at < keys.length; at++) if (!has(own, keys[at])) deleteProperty(world, keys[at]);
  };

  // The three generations of codecs: TS013 and The Things Stack v3, The Things Network v2, ChirpStack v3.
  const ways = {
    decode: (made, given) => {
      const bytes = given.bytes;
      if (typeof made.decodeUplink === "function") {
        const input = { bytes, fPort: given.fPort, recvTime: new Moment(given.at), variables: given.variables };
        return made.decodeUplink(input);
      }
      if (typeof made.Decoder === "function") return { data: made.Decoder(bytes, given.fPort) };
      if (typeof made.Decode === "function") return { data: made.Decode(given.fPort, bytes, given.variables) };
      return NONE;
    },
    encode: (made, given) => {
      const data = given.data;
      if (typeof made.encodeDownlink === "function") {
        return made.encodeDownlink({ data, fPort: given.fPort, variables: given.variables });
      }
      if (typeof made.Encoder === "function") return { bytes: made.Encoder(data, given.fPort) };
      if (typeof made.Encode === "function") return { bytes: made.Encode(given.fPort, data, given.variables) };
      return NONE;
    },
  };

  return function (load, way, text) {
    let answer;
    try {
      const found = ways[way](apply(load, undefined, []), parse(text));
      answer = found === NONE ? { missing: way } : { found: found === undefined ? {} : found };
      answer = stringify(answer);
    } catch (problem) {
      answer = stringify({ thrown: said(problem) });
    } finally {
      sweep();
    }
    return answer.length > most ? stringify({ long: answer.length }) : answer;
  };
});

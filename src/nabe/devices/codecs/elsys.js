// ELSYS's sensors: a type, then its value; big-endian (document "ELSYS LoRa payload").
var s16 = function (b, i) { return (((b[i] << 8) | b[i + 1]) << 16) >> 16; };
var u16 = function (b, i) { return (b[i] << 8) | b[i + 1]; };
var s32 = function (b, i) { return (b[i] << 24) | (b[i + 1] << 16) | (b[i + 2] << 8) | b[i + 3]; };
var s8 = function (b, i) { return (b[i] << 24) >> 24; };
var s24 = function (b, i) { return ((b[i] << 24) | (b[i + 1] << 16) | (b[i + 2] << 8)) >> 8; };
var one = function (name, length, read, divisor) {
  return [length, function (b, i, data) { data[name] = read(b, i) / (divisor || 1); }];
};
var u8 = function (b, i) { return b[i]; };
var TYPES = {
  0x01: one("temperature", 2, s16, 10), 0x02: one("humidity", 1, u8),
  0x03: [3, function (b, i, data) { data.x = s8(b, i); data.y = s8(b, i + 1); data.z = s8(b, i + 2); }],
  0x04: one("light", 2, u16), 0x05: one("motion", 1, u8), 0x06: one("co2", 2, u16), 0x07: one("vdd", 2, u16, 1000),
  0x08: one("analog1", 2, u16, 1000),
  0x09: [6, function (b, i, data) { data.latitude = s24(b, i) / 10000; data.longitude = s24(b, i + 3) / 10000; }],
  0x0a: one("pulse1", 2, u16), 0x0b: [4, function (b, i, data) { data.pulse1_total = s32(b, i) >>> 0; }],
  0x0c: one("external_temperature", 2, s16, 10), 0x0d: one("digital", 1, u8), 0x0e: one("distance", 2, u16),
  0x0f: one("acc_motion", 1, u8),
  0x10: [4, function (b, i, data) { data.ir_internal_temperature = s16(b, i) / 10; data.ir_external_temperature = s16(b, i + 2) / 10; }],
  0x11: one("occupancy", 1, u8), 0x12: one("waterleak", 1, u8), 0x13: [65, function () {}],
  0x14: one("pressure", 4, s32, 1000),
  0x15: [2, function (b, i, data) { data.sound_peak = b[i]; data.sound_average = b[i + 1]; }],
  0x16: one("pulse2", 2, u16), 0x17: [4, function (b, i, data) { data.pulse2_total = s32(b, i) >>> 0; }],
  0x18: one("analog2", 2, u16, 1000), 0x19: one("external_temperature2", 2, s16, 10), 0x1a: one("digital2", 1, u8),
  0x1b: one("analog_uv", 4, s32), 0x1c: one("tvoc", 2, u16), 0x3d: [4, function () {}],
};

function decodeUplink(input) {
  var bytes = input.bytes, data = {}, at = 0;
  while (at < bytes.length) {
    var type = TYPES[bytes[at++]];
    if (!type) return { data: data, warnings: ["unknown type " + bytes[at - 1]] };
    if (at + type[0] > bytes.length) return { errors: ["the message breaks off"] };
    type[1](bytes, at, data);
    at += type[0];
  }
  return { data: data };
}

// Milesight's sensors: channel, type, value, again and again; numbers little-endian (user guides, "Sensor Data").
// MODEL, put before this text, says what a channel means.
var u8 = function (b, i) { return b[i]; };
var s8 = function (b, i) { return (b[i] << 24) >> 24; };
var u16 = function (b, i) { return b[i] | (b[i + 1] << 8); };
var s16 = function (b, i) { return (u16(b, i) << 16) >> 16; };
var s32 = function (b, i) { return b[i] | (b[i + 1] << 8) | (b[i + 2] << 16) | (b[i + 3] << 24); };
var u32 = function (b, i) { return s32(b, i) >>> 0; };
var round = function (value, digits) { return Number(value.toFixed(digits)); };
var hex = function (b, i, n) {
  var text = "";
  for (var k = 0; k < n; k++) text += ("0" + b[i + k].toString(16)).slice(-2);
  return text;
};
var value = function (name, length, read, divisor) {
  var digits = divisor ? Math.round(Math.log(divisor) / Math.LN10 + 0.4) : 0;
  return [length, function (b, i, data) { data[name] = divisor ? round(read(b, i) / divisor, digits) : read(b, i); }];
};
var word = function (name, words) {
  return [1, function (b, i, data) { data[name] = b[i] in words ? words[b[i]] : "unknown"; }];
};
var skip = function (length) { return [length, function () {}]; };

var COMMON = {
  0x0175: value("battery", 1, u8),
  0xff01: [1, function (b, i, data) { data.ipso_version = "v" + (b[i] >> 4) + "." + (b[i] & 15); }],
  0xff08: [6, function (b, i, data) { data.sn = hex(b, i, 6).toUpperCase(); }],
  0xff09: [2, function (b, i, data) { data.hardware_version = "v" + b[i] + "." + (b[i + 1] >> 4); }],
  0xff0a: [2, function (b, i, data) { data.firmware_version = "v" + b[i] + "." + b[i + 1]; }],
  0xff0b: [1, function (b, i, data) { data.power = "on"; }],
  0xff0f: skip(1),
  0xff16: [8, function (b, i, data) { data.sn = hex(b, i, 8).toUpperCase(); }],
  0xff18: skip(2),
  0xff1f: skip(4),
  0xfffe: skip(1),
};
var TEMPERATURE = value("temperature", 2, s16, 10);
var HUMIDITY = value("humidity", 1, u8, 2);
var MOTION = { 0: "unknown", 1: "start", 2: "moving", 3: "stop" };
var FENCE = { 0: "inside", 1: "outside", 2: "unset", 3: "unknown" };
var regions = function (first) {
  return [8, function (b, i, data) { for (var k = 0; k < 8; k++) data["region_" + (first + k) + "_count"] = b[i + k]; }];
};
var fix = [9, function (b, i, data) {
  data.latitude = s32(b, i) / 1e6;
  data.longitude = s32(b, i + 4) / 1e6;
  data.motion_status = MOTION[b[i + 8] & 15] || "unknown";
  data.geofence_status = FENCE[b[i + 8] >> 4] || "unknown";
}];
var station = [9, function (b, i, data) {
  var mac = hex(b, i + 1, 6);
  data.motion_status = MOTION[b[i + 8] & 15] || "unknown";
  if (mac === "ffffffffffff") { data.wifi_scan_result = "timeout"; return; }
  data.wifi_scan_result = "finish";
  (data.wifi = data.wifi || []).push({
    group: b[i], mac: mac.match(/../g).join(":"), rssi: s8(b, i + 7), motion_status: data.motion_status,
  });
}];
var current = function (b, i, data, name) {
  if (u16(b, i) === 0xffff) data.alarm = "read failed";
  else data[name] = round(u16(b, i) / 100, 2);
};
var indoors = [22, function (b, i, data) {
  (data.history = data.history || []).push({
    timestamp: u32(b, i), temperature: s16(b, i + 4) / 10, humidity: u16(b, i + 6) / 2,
    pir: b[i + 8] === 1 ? "trigger" : "idle", light_level: b[i + 9], co2: u16(b, i + 10), tvoc: u16(b, i + 12),
    pressure: u16(b, i + 14) / 10, pm2_5: u16(b, i + 16), pm10: u16(b, i + 18), hcho: u16(b, i + 20) / 100,
  });
}];
var MODELS = {
  "em300": {
    0x0367: TEMPERATURE, 0x0468: HUMIDITY, 0x0500: word("water_leak", { 0: "normal", 1: "leak" }),
    0x05c8: value("pulse", 4, u32),
  },
  "em310-udl": { 0x0382: value("distance", 2, u16), 0x0400: word("tilt", { 0: "normal", 1: "tilt" }) },
  "em500": {
    0x0367: TEMPERATURE, 0x0468: HUMIDITY, 0x0377: value("water_level", 2, u16), 0x0382: value("distance", 2, u16),
    0x037b: value("pressure", 2, u16), 0x057d: value("co2", 2, u16), 0x0673: value("pressure", 2, u16, 10),
  },
  "am300": {
    0x0367: TEMPERATURE, 0x0468: HUMIDITY, 0x0500: word("pir", { 0: "idle", 1: "trigger" }),
    0x06cb: value("light_level", 1, u8), 0x077d: value("co2", 2, u16), 0x087d: value("tvoc", 2, u16),
    0x0973: value("pressure", 2, u16, 10), 0x0a7d: value("hcho", 2, u16, 100), 0x0b7d: value("pm2_5", 2, u16),
    0x0c7d: value("pm10", 2, u16), 0x0d7d: value("o3", 2, u16, 100), 0x0e01: [1, function (b, i, data) { data.beep = b[i] === 1 ? "yes" : "no"; }],
    0x20ce: indoors,
  },
  "at101": {
    0x0367: TEMPERATURE, 0x0500: word("position", { 0: "normal", 1: "tilt" }), 0x0488: fix, 0x8488: fix, 0x06d9: station,
    0x0700: word("tamper_status", { 0: "install", 1: "uninstall" }),
  },
  "ct101": {
    0x0397: value("total_current", 4, u32, 100),
    0x0498: [2, function (b, i, data) { current(b, i, data, "current"); }],
    0x0499: [2, function (b, i, data) { current(b, i, data, "current"); }],
    0x0967: TEMPERATURE,
    0x8498: [7, function (b, i, data) {
      current(b, i, data, "current_max"); current(b, i + 2, data, "current_min"); current(b, i + 4, data, "current");
      var said = ["threshold alarm", "threshold alarm release", "over range alarm", "over range alarm release"];
      data.alarm = said.filter(function (_, bit) { return (b[i + 6] >> bit) & 1; });
    }],
  },
  "vs121": {
    0x04c9: [4, function (b, i, data) { data.people_count_all = b[i]; data.region_count = b[i + 1]; }],
    0x05cc: [4, function (b, i, data) { data.people_in = s16(b, i); data.people_out = s16(b, i + 2); }],
    0x06cd: value("people_count_max", 1, u8), 0x07d5: regions(1), 0x08d5: regions(9),
  },
};

function decodeUplink(input) {
  var bytes = input.bytes, data = {}, warnings = [], table = MODELS[MODEL], at = 0;
  while (at + 2 <= bytes.length) {
    var key = (bytes[at] << 8) | bytes[at + 1], kind = table[key] || COMMON[key];
    at += 2;
    if (!kind) { if (at > 2 || bytes.length) warnings.push("unknown channel " + key.toString(16)); break; }
    if (at + kind[0] > bytes.length) return { errors: ["the message breaks off"] };
    kind[1](bytes, at, data);
    at += kind[0];
  }
  return { data: data, warnings: warnings };
}

// Settings of all models: the reporting interval (in seconds), restart, the alarm's beep (am300).
function encodeDownlink(input) {
  var data = input.data, bytes = [];
  if ("report_interval" in data) bytes.push(0xff, 0x03, data.report_interval & 255, (data.report_interval >> 8) & 255);
  if (data.reboot) bytes.push(0xff, 0x10, 0xff);
  if ("beep" in data) bytes.push(0xff, 0x3e, data.beep ? 1 : 0);
  return bytes.length ? { bytes: bytes, fPort: 85 } : { errors: ["report_interval, reboot or beep is expected"] };
}

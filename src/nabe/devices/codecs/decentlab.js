// Decentlab's protocol version 2: version, device, flags, then 16-bit words of each sensor whose flag is set; big-endian
// (datasheets, "Payload"). MODEL, put before this text, says which sensors follow each other.
var signed = function (divisor) { return function (x) { return (x - 32768) / divisor; }; };
var plain = function (divisor) { return function (x) { return x / divisor; }; };
var BATTERY = [["battery_voltage", plain(1000)]];
var MODELS = {
  "ctd10": [
    [["water_depth", signed(1)], ["temperature", signed(10)], ["electrical_conductivity", plain(1)], ["freezing_flag", plain(1)]],
    BATTERY,
  ],
  "ntu": [
    [["status", plain(1)], ["temperature", signed(100)], ["turbidity_in_ntu", plain(10)], ["turbidity_in_fnu", plain(10)],
      ["turbidity_in_mg_l", plain(10)]],
    BATTERY,
  ],
  "optod": [
    [["status", plain(1)], ["temperature", signed(100)], ["oxygen_saturation", signed(100)],
      ["oxygen_concentration", signed(100)], ["oxygen_concentration_alt", signed(100)]],
    BATTERY,
  ],
  "pm": [
    BATTERY,
    [["pm1_0_mass_concentration", plain(10)], ["pm2_5_mass_concentration", plain(10)], ["pm4_mass_concentration", plain(10)],
      ["pm10_mass_concentration", plain(10)], ["typical_particle_size", plain(1)], ["pm0_5_number_concentration", plain(10)],
      ["pm1_0_number_concentration", plain(10)], ["pm2_5_number_concentration", plain(10)],
      ["pm4_number_concentration", plain(10)], ["pm10_number_concentration", plain(10)]],
    [["air_temperature", function (x) { return (175.72 * x) / 65536 - 46.85; }],
      ["air_humidity", function (x) { return (125 * x) / 65536 - 6; }]],
    [["barometric_pressure", function (x) { return x * 2; }]],
  ],
  "pr26-0-1": [
    [["pressure", function (x) { return (x - 16384) / 32768; }], ["temperature", function (x) { return (x - 384) * 0.003125 - 50; }]],
    BATTERY,
  ],
  "cws": [
    [["surface_temperature", signed(100)], ["air_temperature", signed(100)], ["air_humidity", signed(100)],
      ["dew_point", signed(100)], ["angle", signed(1)], ["sensor_temperature", signed(100)]],
    BATTERY,
  ],
};

function decodeUplink(input) {
  var bytes = input.bytes, at = 5;
  if (bytes.length < 5) return { errors: ["the message breaks off"] };
  if (bytes[0] !== 2) return { errors: ["protocol version " + bytes[0] + " is not known"] };
  var data = { protocol_version: 2, device_id: (bytes[1] << 8) | bytes[2] };
  var flags = (bytes[3] << 8) | bytes[4], sensors = MODELS[MODEL];
  for (var n = 0; n < sensors.length; n++) {
    if (!((flags >> n) & 1)) continue;
    for (var k = 0; k < sensors[n].length; k++, at += 2) {
      if (at + 2 > bytes.length) return { errors: ["the message breaks off"] };
      data[sensors[n][k][0]] = sensors[n][k][1]((bytes[at] << 8) | bytes[at + 1]);
    }
  }
  return { data: data };
}

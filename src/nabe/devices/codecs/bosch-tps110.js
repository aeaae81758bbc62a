// Bosch Parking Lot Sensor TPS110: the port says what a message is (communication interface, "Uplink").
var CAUSES = [null, "watchdog", "power on", "system request", "other"];

function decodeUplink(input) {
  var b = input.bytes;
  var occupied = function (i) { return (b[i] & 1) === 1; };
  switch (input.fPort) {
    case 1:
      if (b.length < 1) break;
      return { data: { type: "parking status", occupied: occupied(0) } };
    case 2:
      if (b.length < 1) break;
      var beat = { type: "heartbeat", occupied: occupied(0) };
      if (b.length > 1) beat.temperature = (b[1] << 24) >> 24;
      return { data: beat };
    case 3:
      if (b.length < 17) break;
      var codes = [];
      for (var i = 0; i < 12; i += 4) {
        var code = ((b[i + 1] & 15) << 8) | b[i];
        if (code) codes.push(code);
      }
      return { data: {
        type: "startup", debugCodes: codes, firmwareVersion: b[12] + "." + b[13] + "." + b[14],
        resetCause: CAUSES[b[15]] || "unknown", occupied: occupied(16),
      } };
    case 4:
      return { data: { type: "device information", bytes: b } };
    case 5:
      return { data: { type: "device usage", bytes: b } };
    default:
      return { errors: ["unknown FPort"] };
  }
  return { errors: ["the message breaks off"] };
}

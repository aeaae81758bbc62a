// Dragino LHT65: temperature and humidity inside, a probe or another thing outside (user manual, "Uplink Payload").
function decodeUplink(input) {
  var b = input.bytes, data = {};
  var u16 = function (i) { return (b[i] << 8) | b[i + 1]; };
  var s16 = function (i) { return (u16(i) << 16) >> 16; };
  if (input.fPort !== 2) return { errors: ["unknown FPort"] };
  if (b.length < 11) return { errors: ["the message breaks off"] };
  var outside = b[6] & 15;
  if (b[6] & 0x40) return { data: data, warnings: ["an answer to a question, not a measurement"] };
  if (outside === 9) {
    data.TempC_DS = s16(0) / 100;
    data.Bat_status = b[4] >> 6;
    data.Systimestamp = ((b[7] << 24) | (b[8] << 16) | (b[9] << 8) | b[10]) >>> 0;
  } else {
    data.BatV = (u16(0) & 0x3fff) / 1000;
    data.Bat_status = b[0] >> 6;
  }
  if (outside !== 15) {
    data.TempC_SHT = s16(2) / 100;
    data.Hum_SHT = (u16(4) & 0xfff) / 10;
  }
  if (b[6] & 0x80) data.No_connect = "Sensor no connection";
  if (outside === 0) data.Ext_sensor = "No external sensor";
  if (outside === 1) { data.Ext_sensor = "Temperature Sensor"; data.TempC_DS = s16(7) / 100; }
  if (outside === 4) { data.Exti_pin_level = b[7] ? "High" : "Low"; data.Exti_status = b[8] ? "True" : "False"; }
  if (outside === 5) data.ILL_lx = u16(7);
  if (outside === 6) data.ADC_V = u16(7) / 1000;
  if (outside === 7) data.Exit_count = u16(7);
  if (outside === 8) data.Exit_count = ((b[7] << 24) | (b[8] << 16) | (b[9] << 8) | b[10]) >>> 0;
  return { data: data };
}

// Reporting interval in seconds (01), restart (04 FF).
function encodeDownlink(input) {
  var wanted = input.data;
  if ("report_interval" in wanted) {
    var s = wanted.report_interval;
    return { bytes: [1, (s >> 16) & 255, (s >> 8) & 255, s & 255], fPort: 2 };
  }
  if (wanted.reboot) return { bytes: [4, 255], fPort: 2 };
  return { errors: ["report_interval or reboot is expected"] };
}

// Dragino LHT52: temperature and humidity inside, a probe outside, the device's own clock (user manual, "Uplink Payload").
function decodeUplink(input) {
  var b = input.bytes;
  var u16 = function (i) { return (b[i] << 8) | b[i + 1]; };
  var s16 = function (i) { return (u16(i) << 16) >> 16; };
  if (input.fPort === 2) {
    if (b.length < 11) return { errors: ["the message breaks off"] };
    return { data: {
      TempC_SHT: s16(0) / 100, Hum_SHT: u16(2) / 10, TempC_DS: s16(4) / 100, Ext: b[6],
      Systimestamp: ((b[7] << 24) | (b[8] << 16) | (b[9] << 8) | b[10]) >>> 0,
    } };
  }
  if (input.fPort === 5) {
    if (b.length < 7) return { errors: ["the message breaks off"] };
    return { data: {
      Sensor_Model: b[0], Firmware_Version: ("000" + u16(1).toString(16)).slice(-4), Freq_Band: b[3], Sub_Band: b[4],
      Bat_mV: u16(5),
    } };
  }
  return { errors: ["unknown FPort"] };
}

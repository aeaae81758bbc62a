"""Messages as network servers send them."""

from __future__ import annotations

import base64
import datetime as dt
from typing import Any

KITA_OST, KITA_WEST = "24e124136b502217", "24e124136b502218"
CLIMATE = bytes.fromhex("01755C03673401046865")  # battery 92 %, 30.8 °C, 50.5 %


def chirpstack(
    eui: str = KITA_OST, payload: bytes = CLIMATE, counter: int = 1, port: int = 85, **more: Any
) -> dict[str, Any]:
    return {
        "time": (dt.datetime.now(dt.UTC) - dt.timedelta(minutes=10) + dt.timedelta(seconds=counter)).isoformat(),
        "deviceInfo": {"devEui": eui, "deviceName": "x", "deviceProfileName": "EM300", "applicationId": "app-1"},
        "devAddr": "00189440",
        "fCnt": counter,
        "fPort": port,
        "data": base64.b64encode(payload).decode(),
        "rxInfo": [{"gatewayId": "gw", "rssi": -90, "snr": 5.5}, {"gatewayId": "gw2", "rssi": -110, "snr": -3}],
        "txInfo": {"modulation": {"lora": {"spreadingFactor": 9}}},
        **more,
    }


def things_stack(eui: str, payload: bytes, counter: int = 1, port: int = 1, group: str = "parken") -> dict[str, Any]:
    ids = {"device_id": f"eui-{eui}", "dev_eui": eui.upper(), "application_ids": {"application_id": group}}
    return {
        "end_device_ids": ids,
        "received_at": dt.datetime.now(dt.UTC).isoformat(),
        "uplink_message": {
            "session_key_id": "AYfqmb0pc",
            "f_port": port,
            "f_cnt": counter,
            "frm_payload": base64.b64encode(payload).decode(),
            "rx_metadata": [{"gateway_ids": {"gateway_id": "g"}, "rssi": -70, "snr": 8}],
            "settings": {"data_rate": {"lora": {"spreading_factor": 7}}},
            "network_ids": {"tenant_id": "stadt"},
        },
    }

"""A file whose CRS has a well-known name and other parameters lies where its parameters say."""

from __future__ import annotations

from nabe.adapting.geometry import known_crs

_KOELN = (
    'PROJCS["WGS_1984_UTM_Zone_32N",GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],'
    'PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["False_Easting",{easting}],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",9.0],'
    'PARAMETER["Scale_Factor",0.9996],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)


def test_the_name_of_utm_32_with_another_false_easting_is_not_utm_32():
    assert known_crs(_KOELN.format(easting="500000.0")) == "EPSG:32632"
    assert known_crs(_KOELN.format(easting="2500000.0")).startswith("PROJCS")

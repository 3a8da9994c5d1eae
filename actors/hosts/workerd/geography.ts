// Where on Earth a request comes from, by the codes that Cloudflare gives with it, and how far that is from a place.
import type { Place } from '../../../src/id/region-place.ts'

const EARTH_RADIUS_KM = 6371

/** Codes of `cf.continent`: where most people of the continent live, for countries that are not listed. */
const CONTINENTS = table(`
  AF 5 15    AN -80 -60   AS 30 105    EU 50 10
  NA 38 -92  OC -30 150   SA -15 -58`)

/** Codes of `cf.country`, ISO 3166: each country's largest city, or the middle of several. Degrees latitude and longitude. */
const COUNTRIES = table(`
  AD 42 2    AL 41 20    AT 48 16    AX 60 20    BA 44 18    BE 51 4     BG 43 23    BY 54 28    CH 47 8     CY 35 33
  CZ 50 14   DE 51 10    DK 56 12    EE 59 25    ES 40 -4    FI 60 25    FO 62 -7    FR 47 2     GB 52 -1    GG 49 -3
  GI 36 -5   GR 38 24    HR 46 16    HU 47 19    IE 53 -6    IM 54 -4    IS 64 -22   IT 44 11    JE 49 -2    LI 47 10
  LT 55 25   LU 50 6     LV 57 24    MC 44 7     MD 47 29    ME 42 19    MK 42 21    MT 36 14    NL 52 5     NO 60 11
  PL 52 20   PT 39 -9    RO 44 26    RS 45 20    RU 56 38    SE 59 18    SI 46 15    SJ 78 16    SK 48 17    SM 44 12
  UA 50 31   VA 42 12    XK 43 21
  AE 25 55   AF 35 69    AM 40 45    AZ 40 50    BD 24 90    BH 26 51    BN 5 115    BT 27 90    CC -12 97   CN 32 116
  CX -10 106 GE 42 45    HK 22 114   ID -6 107   IL 32 35    IN 20 78    IO -7 72    IQ 33 44    IR 36 51    JO 32 36
  JP 35 138  KG 43 75    KH 12 105   KP 39 126   KR 37 127   KW 29 48    KZ 47 74    LA 18 103   LB 34 36    LK 7 80
  MM 17 96   MN 48 107   MO 22 114   MV 4 73     MY 3 102    NP 28 85    OM 24 58    PH 15 121   PK 28 70    PS 32 35
  QA 25 51   SA 24 45    SG 1 104    SY 34 37    TH 14 101   TJ 39 69    TL -9 126   TM 38 58    TR 40 31    TW 25 121
  UZ 41 69   VN 16 106   YE 15 44
  AO -9 13   BF 12 -2    BI -3 29    BJ 6 2      BW -25 26   CD -4 15    CF 4 19     CG -4 15    CI 5 -4     CM 4 11
  CV 15 -24  DJ 12 43    DZ 37 3     EG 30 31    EH 27 -13   ER 15 39    ET 9 39     GA 0 9      GH 6 0      GM 13 -17
  GN 10 -14  GQ 4 9      GW 12 -16   KE -1 37    KM -12 43   LR 6 -11    LS -29 27   LY 33 13    MA 34 -7    MG -19 48
  ML 13 -8   MR 18 -16   MU -20 57   MW -14 34   MZ -26 33   NA -23 17   NE 14 2     NG 7 3      RE -21 55   RW -2 30
  SC -5 55   SD 16 33    SH -16 -6   SL 8 -13    SN 15 -17   SO 2 45     SS 5 32     ST 0 7      SZ -26 31   TD 12 15
  TG 6 1     TN 37 10    TZ -7 39    UG 0 33     YT -13 45   ZA -27 28   ZM -15 28   ZW -18 31
  AG 17 -62  AI 18 -63   AW 13 -70   BB 13 -60   BL 18 -63   BM 32 -65   BQ 12 -68   BS 25 -77   BZ 17 -88   CA 45 -76
  CR 10 -84  CU 23 -82   CW 12 -69   DM 15 -61   DO 18 -70   GD 12 -62   GL 64 -52   GP 16 -62   GT 15 -91   HN 14 -87
  HT 19 -72  JM 18 -77   KN 17 -63   KY 19 -81   LC 14 -61   MF 18 -63   MQ 15 -61   MS 17 -62   MX 20 -100  NI 12 -86
  PA 9 -80   PM 47 -56   PR 18 -66   SV 14 -89   SX 18 -63   TC 22 -72   TT 11 -61   US 39 -92   VC 13 -61   VG 18 -65
  VI 18 -65
  AR -35 -58 BO -16 -68  BR -20 -46  CL -33 -71  CO 5 -74    EC -2 -80   FK -52 -58  GF 5 -52    GS -54 -37  GY 7 -58
  PE -12 -77 PY -25 -58  SR 6 -55    UY -35 -56  VE 10 -67
  AS -14 -171  AU -34 147  CK -21 -160  FJ -18 178  FM 7 158    GU 13 145   KI 1 173    MH 7 171    MP 15 146   NC -22 166
  NF -29 168   NR -1 167   NU -19 -170  NZ -38 175  PF -18 -150 PG -9 147   PN -25 -130 PW 7 134    SB -9 160   TK -9 -172
  TO -21 -175  TV -9 179   UM 19 167    VU -18 168  WF -13 -176 WS -14 -172`)

function table(text: string): ReadonlyMap<string, Place> {
  const rows = text.matchAll(/([A-Z]{2})\s+(-?\d+)\s+(-?\d+)/g)
  return new Map(
    [...rows].map(([, code = '', latitude, longitude]): [string, Place] => [
      code,
      { latitude: Number(latitude), longitude: Number(longitude) },
    ]),
  )
}

/** For tests: every code that is known. */
export const KNOWN_CODES = { continents: [...CONTINENTS.keys()], countries: [...COUNTRIES.keys()] }

/** Null where neither the country nor the continent is known, as for Tor and for a request within a laptop. */
export function placeOfOrigin(country: string | undefined, continent: string | undefined): Place | null {
  return COUNTRIES.get(country ?? '') ?? CONTINENTS.get(continent ?? '') ?? null
}

/** Along the surface, by the haversine formula. */
export function distanceKm(one: Place, other: Place): number {
  const rad = Math.PI / 180
  const north = Math.sin(((other.latitude - one.latitude) * rad) / 2) ** 2
  const east = Math.sin(((other.longitude - one.longitude) * rad) / 2) ** 2
  const along = Math.cos(one.latitude * rad) * Math.cos(other.latitude * rad) * east
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(north + along))
}

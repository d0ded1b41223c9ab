// How many parts a text is as an SMS (3GPP TS 23.038, 23.040): 160 characters of its own alphabet in one, 153 in each of
// several; with any other character 70 and 67 units of UTF-16. What takes two units is never cut in two.

const BASIC = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿' +
    'abcdefghijklmnopqrstuvwxyzäöñüà',
);
/** These take an escape before them. */
const EXTENDED = new Set('\f^{}\\[~]|€');

export interface SmsParts {
  readonly alphabet: 'GSM-7' | 'UCS-2';
  readonly parts: number;
}

export function smsParts(text: string): SmsParts {
  const characters = [...text];
  const gsm = characters.every((character) => BASIC.has(character) || EXTENDED.has(character));
  const units = characters.map((character) => (gsm ? (EXTENDED.has(character) ? 2 : 1) : character.length));
  const alphabet = gsm ? 'GSM-7' : 'UCS-2';
  const [alone, each] = gsm ? [160, 153] : [70, 67];
  if (units.reduce((sum, unit) => sum + unit, 0) <= alone) return { alphabet, parts: 1 };
  let parts = 1;
  let used = 0;
  for (const unit of units) {
    if (used + unit > each) {
      parts++;
      used = 0;
    }
    used += unit;
  }
  return { alphabet, parts };
}

// Modified UTF-7 (RFC 3501 5.1.3), as Maildir++ folders have it in their names.

/** The name in printable ASCII; `also` are further characters to encode. */
export function encodeModifiedUtf7(name: string, also = ''): string {
  const direct = (c: string) => c >= ' ' && c <= '~' && !also.includes(c);
  let out = '';
  let shifted = '';
  const flush = (): void => {
    if (shifted !== '') {
      const base64 = Buffer.from(shifted, 'utf16le').swap16().toString('base64');
      out += `&${base64.replace(/=+$/, '').replaceAll('/', ',')}-`;
    }
    shifted = '';
  };
  for (let i = 0; i < name.length; i++) {
    const c = name.charAt(i);
    if (!direct(c)) shifted += c;
    else {
      flush();
      out += c === '&' ? '&-' : c;
    }
  }
  flush();
  return out;
}

/** The name that such text stands for; text that is not in the form is taken as it is. */
export function decodeModifiedUtf7(text: string): string {
  return text.replace(/&([A-Za-z0-9+,]*)-/g, (whole, base64: string) => {
    if (base64 === '') return '&';
    const bytes = Buffer.from(base64.replaceAll(',', '/'), 'base64');
    return bytes.length === 0 || bytes.length % 2 === 1 ? whole : bytes.swap16().toString('utf16le');
  });
}

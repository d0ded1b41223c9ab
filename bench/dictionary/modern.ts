// What mail looks like since the public collections were made: signatures, results of checks, lists with one-click
// unsubscription, and the programs and services of today. The forms are those of the RFCs and of common software; names,
// addresses and numbers are random.
import { pick, type Random } from '#test/support/random.ts';

const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const ZONES = ['+0000', '+0100', '+0200', '-0400', '-0500', '-0700', '-0800', '+0530', '+0900', '+0000 (UTC)', 'GMT'];
const TOPS = ['com', 'org', 'net', 'de', 'fr', 'nl', 'co.uk', 'eu', 'io', 'test'];

/** Draws the variable parts of a sample. */
class Draw {
  readonly #random: Random;
  constructor(random: Random) {
    this.#random = random;
  }
  of<T>(list: readonly T[]): T {
    return pick(this.#random, list);
  }
  chance(share: number): boolean {
    return this.#random() < share;
  }
  number(below: number): number {
    return Math.floor(this.#random() * below);
  }
  #from(alphabet: string, count: number): string {
    return Array.from({ length: count }, () => alphabet[this.number(alphabet.length)]).join('');
  }
  letters(count: number): string {
    return this.#from('abcdefghijklmnopqrstuvwxyz', count);
  }
  hex(count: number): string {
    return this.#from('0123456789abcdef', count);
  }
  upper(count: number): string {
    return this.#from('0123456789ABCDEF', count);
  }
  base64(count: number): string {
    return this.#from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/', count);
  }
  host(): string {
    return `${this.letters(3 + this.number(8))}.${this.of(TOPS)}`;
  }
  address(): string {
    return `${this.letters(2 + this.number(9))}@${this.host()}`;
  }
  ip(): string {
    return [0, 0, 0, 0].map(() => this.number(256)).join('.');
  }
  name(): string {
    const word = () => this.letters(1).toUpperCase() + this.letters(2 + this.number(7));
    return `${word()} ${word()}`;
  }
  person(): string {
    return this.of([`${this.name()} <${this.address()}>`, `"${this.name()}" <${this.address()}>`, this.address()]);
  }
  date(): string {
    const two = (value: number) => String(value).padStart(2, '0');
    const time = `${two(this.number(24))}:${two(this.number(60))}:${two(this.number(60))}`;
    const day = this.of([String(1 + this.number(28)), two(1 + this.number(28))]);
    return `${this.of(DAYS)}, ${day} ${this.of(MONTHS)} ${2016 + this.number(20)} ${time} ${this.of(ZONES)}`;
  }
  id(): string {
    return `<${this.of([this.hex(32), this.letters(12), `${this.number(1e9)}.${this.number(1e6)}`])}@${this.host()}>`;
  }
}

type Field = (d: Draw) => string;

const RECEIVED: readonly Field[] = [
  (d) =>
    `Received: from ${d.host()} (${d.host()} [${d.ip()}])\r\n\tby ${d.host()} (Postfix) with ESMTPS id ${d.upper(10)}\r\n\tfor <${d.address()}>; ${d.date()}`,
  (d) =>
    `Received: from ${d.host()} (${d.host()} [${d.ip()}])\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\r\n\t key-exchange X25519 server-signature RSA-PSS (2048 bits) server-digest SHA256)\r\n\t(No client certificate requested)\r\n\tby ${d.host()} (Postfix) with ESMTPS id ${d.letters(14)}\r\n\tfor <${d.address()}>; ${d.date()}`,
  (d) =>
    `Received: by ${d.host()} with SMTP id ${d.letters(14)};\r\n        ${d.date()} (PST)\r\nX-Received: by 2002:a05:${d.hex(4)}:${d.hex(4)}:b0:${d.hex(3)}:${d.hex(4)} with SMTP id ${d.letters(20)};\r\n        ${d.date()} (PST)`,
  (d) =>
    `Received: from ${d.host()} by ${d.host()} with ESMTPSA id ${d.letters(16)}\r\n        (version=TLS1_3 cipher=TLS_AES_128_GCM_SHA256 bits=128/128);\r\n        ${d.date()}`,
  (d) =>
    `Received: from ${d.host()} (${d.hex(4)}:${d.hex(4)}::${d.hex(2)})\r\n by ${d.host()} with Microsoft SMTP Server (version=TLS1_2,\r\n cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.${d.number(9999)}.${d.number(99)}; ${d.date()}`,
  (d) =>
    `Received: from [${d.ip()}] (helo=${d.host()})\r\n\tby ${d.host()} with esmtpsa (TLS1.3:ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM:256)\r\n\t(Exim 4.9${d.number(9)})\r\n\t(envelope-from <${d.address()}>)\r\n\tid ${d.letters(16)}\r\n\tfor ${d.address()}; ${d.date()}`,
  (d) =>
    `Received: from ${d.host()} ([${d.ip()}])\r\n\tby ${d.host()} with LMTP\r\n\tid ${d.base64(24)}\r\n\t(envelope-from <${d.address()}>)\r\n\tfor <${d.address()}>; ${d.date()}`,
];

const signature = (d: Draw, fold: string) =>
  Array.from({ length: 4 }, () => d.base64(64)).join(`\r\n${fold}`) + d.base64(86);

const CHECKED: readonly Field[] = [
  (d) =>
    `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=${d.host()}; s=${d.letters(6)};\r\n\tt=${d.number(2e9)}; h=from:from:reply-to:subject:subject:date:date:message-id:message-id:\r\n\t to:to:cc:mime-version:mime-version:content-type:content-type:\r\n\t content-transfer-encoding:content-transfer-encoding:\r\n\t in-reply-to:in-reply-to:references:references;\r\n\tbh=${d.base64(43)}=;\r\n\tb=${signature(d, '\t ')}==`,
  (d) =>
    `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n        d=${d.host()}; s=20${d.number(99)}0601; t=${d.number(2e9)}; x=${d.number(2e9)}; darn=${d.host()};\r\n        h=to:subject:message-id:date:from:in-reply-to:references:mime-version\r\n         :from:to:cc:subject:date:message-id:reply-to;\r\n        bh=${d.base64(43)}=;\r\n        b=${signature(d, '         ')}==`,
  (d) =>
    `DKIM-Signature: v=1; a=rsa-sha256; q=dns/txt; c=relaxed/simple; s=${d.letters(8)};\r\n d=${d.host()}; t=${d.number(2e9)};\r\n h=From:To:Subject:MIME-Version:Content-Type:Message-ID:Date:List-Unsubscribe:Feedback-ID;\r\n bh=${d.base64(43)}=;\r\n b=${signature(d, ' ')}=`,
  (d) =>
    `Authentication-Results: ${d.host()};\r\n\tdkim=pass (2048-bit key; unprotected) header.d=${d.host()} header.i=@${d.host()} header.a=rsa-sha256 header.s=${d.letters(6)} header.b=${d.base64(8)};\r\n\tdkim-atps=neutral;\r\n\tspf=pass (sender SPF authorized) smtp.mailfrom=${d.address()} smtp.helo=${d.host()};\r\n\tdmarc=pass (p=reject dis=none) header.from=${d.host()};\r\n\tarc=none`,
  (d) =>
    `Received-SPF: Pass (mailfrom) identity=mailfrom; client-ip=${d.ip()}; helo=${d.host()}; envelope-from=${d.address()}; receiver=<UNKNOWN>`,
  (d) =>
    `ARC-Seal: i=1; a=rsa-sha256; t=${d.number(2e9)}; cv=none;\r\n        d=${d.host()}; s=arc-20240605;\r\n        b=${signature(d, '         ')}==\r\nARC-Message-Signature: i=1; a=rsa-sha256; c=relaxed/relaxed; d=${d.host()}; s=arc-20240605;\r\n        h=to:subject:message-id:date:from:mime-version:dkim-signature;\r\n        bh=${d.base64(43)}=;\r\n        b=${signature(d, '         ')}==;\r\n        dara=${d.host()}\r\nARC-Authentication-Results: i=1; ${d.host()};\r\n       dkim=pass header.i=@${d.host()} header.s=${d.letters(5)} header.b=${d.base64(8)};\r\n       spf=pass (${d.host()}: domain of ${d.address()} designates ${d.ip()} as permitted sender) smtp.mailfrom=${d.address()};\r\n       dmarc=pass (p=QUARANTINE sp=QUARANTINE dis=NONE) header.from=${d.host()}`,
];

const OTHERS: readonly Field[] = [
  (d) => `Delivered-To: ${d.address()}`,
  (d) => `X-Original-To: ${d.address()}`,
  (d) => `Reply-To: ${d.person()}`,
  (d) => `Sender: ${d.person()}`,
  (d) => `Cc: ${d.person()}, ${d.person()}`,
  (d) => `Bcc: ${d.person()}`,
  (d) => `In-Reply-To: ${d.id()}\r\nReferences: ${d.id()}\r\n ${d.id()}`,
  (d) => `In-Reply-To: ${d.id()}\r\nReferences: ${d.id()} ${d.id()}`,
  (d) => `User-Agent: Mozilla Thunderbird\r\nContent-Language: ${d.of(['en-US', 'de-DE', 'fr', 'nl', 'en-GB'])}`,
  (d) => `X-Mailer: Apple Mail (2.${3_000 + d.number(999)}.${d.number(999)}.${d.number(9)})`,
  (d) => `X-Mailer: Microsoft Outlook 16.0\r\nThread-Index: ${d.base64(30)}==\r\nContent-Language: en-us`,
  (d) => `X-Mailer: ${d.of(['iPhone Mail', 'iPad Mail'])} (${d.number(30)}${d.upper(1)}${d.number(999)})`,
  () => 'User-Agent: Roundcube Webmail/1.6.9',
  () => 'User-Agent: K-9 Mail for Android',
  () => 'User-Agent: Mutt/2.2.12',
  (d) => `User-Agent: Evolution 3.${d.number(60)}.${d.number(9)}`,
  (d) => `X-Priority: ${d.of(['1 (Highest)', '3', '3 (Normal)'])}\r\nImportance: ${d.of(['high', 'normal'])}`,
  (d) =>
    `List-Id: ${d.name()} <${d.host()}>\r\nList-Post: <mailto:${d.address()}>\r\nList-Help: <mailto:${d.address()}?subject=help>\r\nList-Unsubscribe: <https://${d.host()}/unsubscribe/${d.hex(16)}>,\r\n <mailto:${d.address()}?subject=unsubscribe>\r\nList-Subscribe: <mailto:${d.address()}?subject=subscribe>\r\nList-Archive: <https://${d.host()}/archives/>\r\nPrecedence: list`,
  (d) =>
    `List-Unsubscribe: <mailto:${d.address()}>, <https://${d.host()}/u/${d.hex(20)}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFeedback-ID: ${d.number(9e6)}:${d.letters(8)}\r\nPrecedence: bulk`,
  () => 'Auto-Submitted: auto-generated',
  () => 'Auto-Submitted: auto-replied\r\nX-Auto-Response-Suppress: All\r\nPrecedence: auto_reply',
  (d) => `X-Spam-Status: No, score=${d.of(['-', ''])}${d.number(9)}.${d.number(9)}`,
  (d) =>
    `X-Spam-Status: No, score=-${d.number(9)}.${d.number(9)} required=5.0 tests=BAYES_00,DKIM_SIGNED,\r\n\tDKIM_VALID,DKIM_VALID_AU,DMARC_PASS,HTML_MESSAGE,RCVD_IN_DNSWL_NONE,\r\n\tSPF_HELO_NONE,SPF_PASS autolearn=ham autolearn_force=no version=4.0.1\r\nX-Spam-Level: \r\nX-Spam-Checker-Version: SpamAssassin 4.0.1 (2024-03-25) on ${d.host()}`,
  () =>
    'X-Spam-Flag: NO\r\nX-Spam-Score: -1.9\r\nX-Virus-Scanned: Debian amavis at localhost\r\nX-Rspamd-Server: rspamd\r\nX-Rspamd-Action: no action\r\nX-Rspamd-Queue-Id: ',
  (d) =>
    `x-ms-exchange-messagesentrepresentingtype: 1\r\nx-ms-publictraffictype: Email\r\nx-ms-office365-filtering-correlation-id: ${d.hex(8)}-${d.hex(4)}-${d.hex(4)}-${d.hex(4)}-${d.hex(12)}\r\nx-ms-exchange-senderadcheck: 1\r\nx-ms-exchange-antispam-relay: 0\r\nx-ms-has-attach: \r\nX-MS-TNEF-Correlator: \r\nX-OriginatorOrg: ${d.host()}\r\nX-MS-Exchange-CrossTenant-OriginalArrivalTime: ${d.date()}\r\nX-MS-Exchange-Transport-CrossTenantHeadersStamped: `,
  (d) =>
    `X-Google-DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n        d=1e100.net; s=20230601; t=${d.number(2e9)}`,
  (d) => `X-Gm-Message-State: ${d.base64(40)}\r\nX-Google-Smtp-Source: ${d.base64(60)}`,
  () => 'Disposition-Notification-To: ',
  () => 'Organization: ',
];

const TYPES: readonly Field[] = [
  (d) => `Content-Type: text/plain; charset=${d.of(['utf-8', 'UTF-8', '"utf-8"', 'us-ascii', 'iso-8859-1'])}`,
  (d) => `Content-Type: text/plain; charset=${d.of(['UTF-8', 'utf-8', 'iso-8859-1'])}; format=flowed`,
  (d) => `Content-Type: text/html; charset=${d.of(['utf-8', '"UTF-8"', 'us-ascii', 'iso-8859-1'])}`,
  (d) => `Content-Type: multipart/alternative; boundary="${d.hex(28)}"`,
  (d) => `Content-Type: multipart/alternative;\r\n boundary="------------${d.base64(24)}"`,
  (d) => `Content-Type: multipart/mixed; boundary="${d.hex(28)}"`,
  (d) => `Content-Type: multipart/mixed;\r\n\tboundary="----=_NextPart_000_${d.upper(4)}_${d.upper(8)}.${d.upper(8)}"`,
  (d) => `Content-Type: multipart/related; boundary="${d.hex(28)}"; type="multipart/alternative"`,
  (d) => `Content-Type: multipart/related; boundary="${d.hex(28)}"; type="text/html"`,
  (d) =>
    `Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="${d.upper(10)}.${d.number(2e9)}/${d.host()}"`,
  (d) =>
    `Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="${d.hex(20)}"`,
];

const ENCODINGS = ['quoted-printable', '7bit', '8bit', 'base64'];

function header(d: Draw): string {
  const fields = [`Return-Path: <${d.address()}>`];
  for (let times = 1 + d.number(4); times > 0; times--) fields.push(d.of(RECEIVED)(d));
  for (let times = d.number(3); times > 0; times--) fields.push(d.of(CHECKED)(d));
  const main = [
    `From: ${d.person()}`,
    `To: ${d.of([d.person(), `${d.person()},\r\n ${d.person()}`, 'undisclosed-recipients:;'])}`,
    `Subject: ${d.of(['', 'Re: ', 'Re: ', 'AW: ', 'Fwd: ', 'FW: '])}${d.of(['', '', '=?utf-8?Q?', '=?UTF-8?B?', '=?iso-8859-1?Q?'])}${d.letters(12)}`,
    `Date: ${d.date()}`,
    `Message-ID: ${d.id()}`,
    'MIME-Version: 1.0',
    d.of(TYPES)(d),
  ];
  if (d.chance(0.7)) main.push(`Content-Transfer-Encoding: ${d.of(ENCODINGS)}`);
  for (let times = d.number(5); times > 0; times--) main.splice(d.number(main.length), 0, d.of(OTHERS)(d));
  return `${[...fields, ...main].join('\r\n')}\r\n\r\n`;
}

const FILES = [
  'report.pdf',
  'invoice.pdf',
  'image001.png',
  'scan.pdf',
  'document.docx',
  'table.xlsx',
  'photo.jpg',
  'data.zip',
];
const PART_TYPES = ['application/pdf', 'image/png', 'image/jpeg', 'application/octet-stream', 'application/zip'];

const BODIES: readonly Field[] = [
  (d) =>
    `This is a multi-part message in MIME format.\r\n--${d.hex(28)}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${d.letters(30)}\r\n--${d.hex(28)}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<!DOCTYPE html><html><head><meta http-equiv=3D"Content-Type" content=3D"text/html; charset=3Dutf-8"></head><body>`,
  (d) =>
    `--${d.hex(28)}\r\nContent-Type: text/plain; charset="UTF-8"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n${d.letters(20)}\r\n\r\n--${d.hex(28)}\r\nContent-Type: text/html; charset="UTF-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<html><head><meta http-equiv=3D"Content-Type" content=3D"text/html; charset=3Dutf-8"><meta name=3D"viewport" content=3D"width=3Ddevice-width, initial-scale=3D1.0"><style>body { margin: 0; padding: 0; font-family: Arial, Helvetica, sans-serif; font-size: 14px; line-height: 1.5; color: #333333; }</style></head><body>`,
  (d) => {
    const file = d.of(FILES);
    return `--${d.hex(28)}\r\nContent-Type: ${d.of(PART_TYPES)}; name="${file}"\r\nContent-Disposition: ${d.of(['attachment', 'inline'])}; filename="${file}"\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <${d.letters(10)}>\r\n\r\n`;
  },
  (d) => {
    const file = d.of(FILES);
    return `--${d.hex(28)}\r\nContent-Type: ${d.of(PART_TYPES)};\r\n\tname="${file}"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n\tfilename="${file}"; size=${d.number(1e6)}\r\n\r\n`;
  },
  (d) =>
    `--${d.hex(20)}\r\nContent-Type: message/rfc822\r\nContent-Disposition: attachment; filename="forwarded message.eml"\r\n\r\n`,
  (d) =>
    `Content-Description: Notification\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThis is the mail system at host ${d.host()}.\r\n\r\nI'm sorry to have to inform you that your message could not\r\nbe delivered to one or more recipients. It's attached below.\r\n\r\nContent-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; ${d.host()}\r\nArrival-Date: ${d.date()}\r\n\r\nFinal-Recipient: rfc822; ${d.address()}\r\nOriginal-Recipient: rfc822;${d.address()}\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; ${d.host()}\r\nDiagnostic-Code: smtp; 550 5.1.1 <${d.address()}>: Recipient address rejected: User unknown\r\n`,
  (d) =>
    `Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\nContent-Transfer-Encoding: 7bit\r\n\r\nBEGIN:VCALENDAR\r\nPRODID:-//${d.name()}//EN\r\nVERSION:2.0\r\nCALSCALE:GREGORIAN\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:DAYLIGHT\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\nDTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:${d.hex(20)}\r\nDTSTAMP:20260101T120000Z\r\nDTSTART;TZID=Europe/Berlin:20260101T130000\r\nDTEND;TZID=Europe/Berlin:20260101T140000\r\nORGANIZER;CN=${d.name()}:mailto:${d.address()}\r\nATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=${d.name()}:mailto:${d.address()}\r\nSUMMARY:${d.name()}\r\nLOCATION:\r\nDESCRIPTION:\r\nSEQUENCE:0\r\nSTATUS:CONFIRMED\r\nTRANSP:OPAQUE\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n`,
  (d) =>
    `<p style=3D"margin: 0 0 1em 0;">${d.letters(10)}</p><br></div></td></tr></tbody></table><table width=3D"100%" border=3D"0" cellspacing=3D"0" cellpadding=3D"0" role=3D"presentation" style=3D"border-collapse: collapse;"><tbody><tr><td align=3D"center" valign=3D"top" style=3D"padding: 0 20px; font-family: Arial, Helvetica, sans-serif; font-size: 16px; color: #000000;"><a href=3D"https://${d.host()}/${d.letters(9)}" target=3D"_blank" style=3D"text-decoration: none;"><img src=3D"https://${d.host()}/${d.letters(9)}.png" width=3D"600" height=3D"1" alt=3D"" border=3D"0" style=3D"display: block;"></a></td></tr>`,
  (d) =>
    `<div dir="ltr">${d.letters(10)}</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On ${d.date()}, ${d.name()} &lt;<a href="mailto:${d.address()}">${d.address()}</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex">`,
  (d) =>
    `<html xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:w="urn:schemas-microsoft-com:office:word" xmlns="http://www.w3.org/TR/REC-html40"><head><meta name="Generator" content="Microsoft Word 15 (filtered medium)"><style><!--\r\n@font-face {font-family:Calibri; panose-1:2 15 5 2 2 2 4 3 2 4;}\r\np.MsoNormal, li.MsoNormal, div.MsoNormal {margin:0cm; font-size:11.0pt; font-family:"Calibri",sans-serif; mso-fareast-language:EN-US;}\r\n--></style></head><body lang="EN-US" link="#0563C1" vlink="#954F72" style="word-wrap:break-word"><div class="WordSection1"><p class="MsoNormal">${d.letters(10)}<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p>`,
  (d) =>
    `\r\n\r\nKind regards,\r\n${d.name()}\r\n\r\n-- \r\n${d.name()}\r\n${d.address()}\r\n\r\nOn ${d.date()}, ${d.name()} wrote:\r\n> \r\n> Hi ${d.letters(6)},\r\n> \r\n> thank you for your message. `,
  (d) =>
    `\r\n-----Original Message-----\r\nFrom: ${d.person()}\r\nSent: ${d.date()}\r\nTo: ${d.person()}\r\nSubject: RE: ${d.letters(12)}\r\n\r\n`,
];

/** As many samples as make a third of all. */
const SAMPLES = { header: 3_000, body: 1_500 } as const;

/** Samples of header blocks or of bodies. */
export function* modernSamples(kind: 'header' | 'body', random: Random): Generator<string> {
  const d = new Draw(random);
  for (let made = 0; made < SAMPLES[kind]; made++) yield kind === 'header' ? header(d) : d.of(BODIES)(d);
}

// What a folder's name says that it is for, in the languages and programs that mail comes from (F132, F175).

import type { SpecialUse } from '../ports.ts';

type Purpose = Exclude<SpecialUse, ''>;

/** In lower case and NFC; the first is ours. */
const NAMES: Readonly<Record<Purpose, readonly string[]>> = {
  inbox: [
    'inbox',
    'postvak in',
    'posteingang',
    'boîte de réception',
    'bandeja de entrada',
    'posta in arrivo',
    'caixa de entrada',
    'inkorgen',
    'indbakke',
    'innboks',
    'saapuneet',
    'odebrane',
  ],
  drafts: [
    'drafts',
    'draft',
    'concepten',
    'concept',
    'entwürfe',
    'brouillons',
    'borradores',
    'bozze',
    'rascunhos',
    'utkast',
    'kladder',
    'luonnokset',
    'szkice',
    'wersje robocze',
  ],
  sent: [
    'sent',
    'sent items',
    'sent messages',
    'sent mail',
    'sent-mail',
    'verzonden',
    'verzonden items',
    'verzonden berichten',
    'verstuurd',
    'verstuurde items',
    'gesendet',
    'gesendete elemente',
    'gesendete objekte',
    'gesendete nachrichten',
    'envoyés',
    'éléments envoyés',
    'messages envoyés',
    'courrier envoyé',
    'enviados',
    'elementos enviados',
    'mensajes enviados',
    'itens enviados',
    'posta inviata',
    'inviata',
    'inviati',
    'skickat',
    'sendt',
    'sendt post',
    'lähetetyt',
    'wysłane',
  ],
  junk: [
    'junk',
    'junk e-mail',
    'junk email',
    'junk mail',
    'junk-e-mail',
    'spam',
    'bulk mail',
    'ongewenst',
    'ongewenste e-mail',
    'ongewenste post',
    'reclame',
    'unerwünscht',
    'werbung',
    'spamverdacht',
    'courrier indésirable',
    'indésirables',
    'pourriel',
    'correo no deseado',
    'posta indesiderata',
    'lixo eletrônico',
    'skräppost',
    'roskaposti',
  ],
  trash: [
    'trash',
    'deleted items',
    'deleted messages',
    'deleted',
    'bin',
    'prullenbak',
    'prullenmand',
    'verwijderd',
    'verwijderde items',
    'verwijderde berichten',
    'papierkorb',
    'gelöscht',
    'gelöschte elemente',
    'gelöschte objekte',
    'corbeille',
    'éléments supprimés',
    'papelera',
    'elementos eliminados',
    'cestino',
    'posta eliminata',
    'lixeira',
    'itens excluídos',
    'papperskorgen',
    'slettet post',
    'roskakori',
    'kosz',
  ],
  archive: [
    'archive',
    'archives',
    'archief',
    'archiv',
    'archivo',
    'archivio',
    'arquivo',
    'arkiv',
    'arkisto',
    'archiwum',
  ],
  templates: ['templates', 'sjablonen', 'vorlagen', 'modèles', 'plantillas', 'modelli', 'modelos', 'mallar'],
};

const PURPOSES: ReadonlyMap<string, Purpose> = new Map(
  (Object.entries(NAMES) as [Purpose, string[]][]).flatMap(([purpose, names]) => names.map((name) => [name, purpose])),
);

/**
 * What a source's top-level folders are for. A name in another language counts only where the source has no folder of
 * our own name too: an account may have both "Sent" and "Verzonden items".
 */
export function purposes(folders: Iterable<string>): (name: string) => SpecialUse {
  const present = new Set(Array.from(folders, normal));
  return (name) => {
    const purpose = PURPOSES.get(normal(name));
    if (purpose === undefined) return '';
    const ours = NAMES[purpose][0] ?? '';
    return normal(name) === ours || !present.has(ours) ? purpose : '';
  };
}

/** Words that people give folders of their own too: a folder of this name that a client makes is an ordinary one. */
const AMBIGUOUS: ReadonlySet<string> = new Set([
  ...['draft', 'concept', 'bulk mail', 'reclame', 'werbung', 'bin', 'deleted', 'verwijderd', 'gelöscht', 'kosz'],
  ...NAMES.inbox,
  ...NAMES.templates,
]);

/** The special folder that a mail program means by a name of its own, at the top level (F175); '' if none. */
export function clientPurpose(name: string): SpecialUse {
  const spelled = normal(name);
  return AMBIGUOUS.has(spelled) ? '' : (PURPOSES.get(spelled) ?? '');
}

function normal(name: string): string {
  return name.normalize('NFC').toLowerCase().trim();
}

// Bounds of the search index, each with its reason.

/** Characters of one indexed term: a longer word is indexed in pieces of this length, since one term must be short. */
export const TERM_LENGTH = 64;

/** What two neighbouring pieces of a long word share: whatever is at most so long stands whole in one of them. */
export const TERM_OVERLAP = 32;

/** Different terms of one message: real mail has some hundreds. A message with more is always looked at itself. */
export const MESSAGE_TERMS = 20_000;

/** Decoded characters of one message that are indexed; a message with more is always looked at itself. */
export const MESSAGE_TEXT = 16 << 20;

/** Letters of a word that a fuzzy search asks for: with all their accents they still stand whole in one piece. */
export const FUZZY_LETTERS = 10;

/** Text held back until its word has ended: what is longer is cut, in pieces that share TERM_OVERLAP. */
export const HELD_TEXT = 8_192;

/** Terms of the vocabulary that one search string may stand in: with more, looking into the messages is no slower. */
export const MATCHED_TERMS = 20_000;

/** Characters with which terms begin that are asked for together: with fewer, half of the terms may begin so. */
export const BEGINNING = 3;

/** Candidates for a phrase that are so few that looking at them costs less than asking for its other words too. */
export const FEW_CANDIDATES = 50;

/** Terms in one question to the index. */
export const TERMS_AT_ONCE = 200;

/** Characters of all vocabularies that are kept in memory: that of an account with 100,000 messages has about ten million. */
export const VOCABULARY_CHARACTERS = 64 << 20;

/** Messages that are read and indexed in one transaction: some tens of milliseconds, between which searches get their turn. */
export const BATCH_MESSAGES = 32;

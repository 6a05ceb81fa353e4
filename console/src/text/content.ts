/** The content catalogue in words, and what becomes of a list when somebody adds, renames or removes an item. */
import type { ContentItem, ContentKind } from '../api/content.ts';
import { count } from './number.ts';
import { asCurl } from './snippets.ts';

interface KindWords {
  title: string;
  one: string;
  many: string;
  /** What a call registers to begin with. */
  example: object;
}

export const KIND_WORDS: Record<ContentKind, KindWords> = {
  flows: { title: 'Flows', one: 'flow', many: 'flows', example: { id: 448, title: 'Onboarding' } },
  banners: {
    title: 'Banners',
    one: 'banner',
    many: 'banners',
    example: { id: 31, title: 'New prices from May on' },
  },
  embeds: {
    title: 'Embeds',
    one: 'embed',
    many: 'embeds',
    example: { id: 92, title: 'New report', type: 'card' },
  },
  spotlights: {
    title: 'Spotlights',
    one: 'spotlight',
    many: 'spotlights',
    example: { id: 7, title: 'Try the calendar' },
  },
  surveys: {
    title: 'Surveys',
    one: 'survey',
    many: 'surveys',
    example: { id: 45, title: 'CSAT', modules: [{ id: 1, question: 'How was it?' }] },
  },
  checklists: {
    title: 'Checklists',
    one: 'checklist',
    many: 'checklists',
    example: { key: 'first_steps', display_name: 'First steps' },
  },
  resource_center_modules: {
    title: 'Resource center',
    one: 'resource center module',
    many: 'resource center modules',
    example: { key: 'help_articles', display_name: 'Help articles' },
  },
};

/** `a flow`, `an embed`. */
export function oneOf(kind: ContentKind): string {
  const { one } = KIND_WORDS[kind];
  return `${/^[aeiou]/.test(one) ? 'an' : 'a'} ${one}`;
}

/** Checklists and modules are named by a key, all else by a number. */
export function isKeyed(kind: ContentKind): boolean {
  return kind === 'checklists' || kind === 'resource_center_modules';
}

/** What events name an item by. */
export function idOf(item: ContentItem): string {
  return 'key' in item ? item.key : String(item.id);
}

export function titleOf(item: ContentItem): string {
  return 'key' in item ? item.display_name : item.title;
}

/** Those whose title or number holds the text, by title. */
export function foundItems(items: ContentItem[], text: string): ContentItem[] {
  const wanted = text.trim().toLowerCase();
  const holds = (word: string) => word.toLowerCase().includes(wanted);
  return items
    .filter((item) => holds(titleOf(item)) || holds(idOf(item)))
    .toSorted((a, b) => titleOf(a).localeCompare(titleOf(b)));
}

/** What a person enters of an item. */
export interface Draft {
  id: string;
  title: string;
  /** Of an embed. */
  type: 'banner' | 'card';
  /** Of a survey. */
  platform: string;
}

export function draftOf(item: ContentItem | undefined): Draft {
  return {
    id: item === undefined ? '' : idOf(item),
    title: item === undefined ? '' : titleOf(item),
    type: item !== undefined && 'type' in item ? item.type : 'card',
    platform: item !== undefined && 'platform' in item ? item.platform : 'web',
  };
}

/** The item that was entered; what nobody enters stays as it was `before`. */
export function itemOf(kind: ContentKind, draft: Draft, before: ContentItem | undefined): ContentItem {
  const { title, type, platform } = draft;
  const id = Number(draft.id);
  switch (kind) {
    case 'embeds':
      return { id, title, type };
    case 'surveys':
      return {
        id,
        title,
        platform,
        modules: before !== undefined && 'modules' in before ? before.modules : [],
      };
    case 'checklists':
    case 'resource_center_modules':
      return {
        key: draft.id,
        display_name: title,
        data_type: before !== undefined && 'data_type' in before ? before.data_type : 'string',
      };
    default:
      return { id, title };
  }
}

/** What keeps a new item from having this number or key; null when nothing does. */
export function idProblem(kind: ContentKind, id: string, items: ContentItem[]): string | null {
  if (!isKeyed(kind) && !(/^\d+$/.test(id) && Number.isSafeInteger(Number(id)))) {
    return `A number is whole, from 0 to ${count(Number.MAX_SAFE_INTEGER)}.`;
  }
  const taken = items.find((item) => idOf(item) === (isKeyed(kind) ? id : String(Number(id))));
  return taken === undefined ? null : `${idOf(taken)} is ${titleOf(taken)} already.`;
}

/** The list with an item: in the place of the one with its number, else at the end. */
export function withItem(items: ContentItem[], item: ContentItem): ContentItem[] {
  const at = items.findIndex((each) => idOf(each) === idOf(item));
  return at < 0 ? [...items, item] : items.with(at, item);
}

export function withoutItem(items: ContentItem[], id: string): ContentItem[] {
  return items.filter((item) => idOf(item) !== id);
}

/** The call that registers all of a kind. */
export function registeringCall(origin: string, kind: ContentKind): string {
  const body = JSON.stringify([KIND_WORDS[kind].example]);
  return asCurl(origin, { method: 'PUT', path: `/v1/content/${kind}`, body });
}

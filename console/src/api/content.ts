/** The content catalogue: which flows, banners and so on there are, as somebody registered them. */
import { queryOptions } from '@tanstack/react-query';
import { api, body, inEnvironment } from './client.ts';
import type { components } from './schema';

type Schemas = components['schemas'];
export type Content = Schemas['Content'];
export type ContentItem = Schemas['ContentItem'];
export type ContentKind = Schemas['ContentKind'];
export type Catalogue = Record<ContentKind, Content>;

export const CONTENT_KINDS: readonly ContentKind[] = [
  'flows',
  'banners',
  'embeds',
  'spotlights',
  'surveys',
  'checklists',
  'resource_center_modules',
];

/** All kinds at once: somebody who looks for a number need not know of which kind it is. */
export const catalogueQuery = (environment: number) =>
  queryOptions({
    queryKey: ['content', environment],
    queryFn: async () => {
      const read = async (kind: ContentKind) => {
        const options = { params: { path: { kind } }, headers: inEnvironment(environment) };
        return [kind, body(await api.GET('/v1/content/{kind}', options))] as const;
      };
      return Object.fromEntries(await Promise.all(CONTENT_KINDS.map(read))) as Catalogue;
    },
  });

/** What a kind was when it was looked at: a change of it is refused when somebody changed it since. */
type Seen = Pick<Content, 'kind' | 'version'>;
const ofSeen = ({ kind, version }: Seen) => ({ path: { kind }, header: { 'If-Match': `"${version}"` } });

/** Makes `items` all that there is of a kind. */
export const registerContent = async (environment: number, seen: Seen, items: ContentItem[]) =>
  body(
    await api.PUT('/v1/content/{kind}', {
      params: ofSeen(seen),
      body: { items },
      headers: inEnvironment(environment),
    }),
  );
export const removeContent = (environment: number, seen: Seen) =>
  api.DELETE('/v1/content/{kind}', { params: ofSeen(seen), headers: inEnvironment(environment) });

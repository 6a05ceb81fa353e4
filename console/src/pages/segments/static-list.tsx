/** Puts ids on the list of a static segment, and takes them off. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { changeList, type ListChange, type ListMode, type Segment } from '../../api/segments.ts';
import { useEnvironment } from '../../frame/session.ts';
import { idsIn, parts } from '../../rule/ids.ts';
import { countOf } from '../../text/number.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/failure.tsx';
import { IdsField } from './ids-field.tsx';
import { CALL_BYTES_MAX } from './segment-edit.tsx';

export function StaticList({ segment }: { segment: Segment }) {
  const environment = useEnvironment();
  const cache = useQueryClient();
  const [text, setText] = useState('');
  const ids = idsIn(text);
  const changing = useMutation({
    mutationFn: async (mode: ListMode) => {
      const sum: ListChange = { listed: 0, added: 0, removed: 0 };
      for (const part of parts(ids, CALL_BYTES_MAX)) {
        const { listed, added, removed } = await changeList(environment.id, segment.id, mode, part);
        sum.listed = listed;
        sum.added += added;
        sum.removed += removed;
      }
      return sum;
    },
    onSuccess: () => setText(''),
    // Of several calls some may have been done before one failed.
    onSettled: () =>
      Promise.all(
        ['segments', 'segment', 'segments-of', 'members'].map((key) =>
          cache.invalidateQueries({ queryKey: [key, environment.id] }),
        ),
      ),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (ids.length > 0) changing.mutate('add');
  };
  const { data } = changing;
  return (
    <section aria-label="Change the list" className="mb-10">
      <h2 className="mb-2 text-[15px] leading-6 font-semibold">Change the list</h2>
      <form onSubmit={submit}>
        <IdsField level={segment.level} value={text} onChange={setText} rows={4} />
        <div className="mt-2 flex flex-wrap items-center gap-2">
          <Button type="submit" disabled={ids.length === 0} busy={changing.isPending}>
            Add {ids.length > 0 ? countOf(ids.length, 'id') : ''}
          </Button>
          <Button
            disabled={ids.length === 0}
            busy={changing.isPending}
            onClick={() => changing.mutate('remove')}
          >
            Take {ids.length > 0 ? countOf(ids.length, 'id') : ''} off
          </Button>
          <span role="status" className="text-data text-muted">
            {data &&
              `${countOf(data.added, 'id')} added, ${countOf(data.removed, 'id')} taken off: ${countOf(data.listed, 'id')} on the list.`}
          </span>
        </div>
        {changing.error && (
          <div className="mt-3">
            <Failure cause={changing.error} title="The list was not changed as a whole" />
          </div>
        )}
      </form>
    </section>
  );
}

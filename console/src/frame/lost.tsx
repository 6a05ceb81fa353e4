import { Link, useRouter } from '@tanstack/react-router';
import { useEffect } from 'react';
import { buttonClass } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';

export function Lost() {
  return (
    <Empty
      title="There is no such page"
      action={
        <Link to="/" className={buttonClass('primary')}>
          Go to Home
        </Link>
      }
    >
      The address may be mistyped, or it belongs to another version of Muster.
    </Empty>
  );
}

export function PageFailure({ error, reset }: { error: unknown; reset: () => void }) {
  const router = useRouter();
  useEffect(() => {
    document.title = 'Muster';
  }, []);
  return (
    <div className="mx-auto max-w-[560px] p-6">
      <Failure
        cause={error}
        title="This page could not be shown"
        retry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </div>
  );
}

import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { erasureQuery } from '../api/erasures.ts';
import { Refusal } from '../api/refusal.ts';
import type { Certificate, Erasure } from '../api/types.ts';
import { Page } from '../frame/page.tsx';
import { useEnvironment } from '../frame/session.ts';
import { askerOf, erasureWords, fileNameOf, placeWords, removedWords, whoOf } from '../text/erasure.ts';
import { count, countOf } from '../text/number.ts';
import { Button, buttonClass } from '../ui/button.tsx';
import { Empty, Skeleton } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { save } from '../ui/save.ts';
import { Time, useNow } from '../ui/time.tsx';
import { ErasureState } from './erasures.tsx';
import { Bar } from './job-parts.tsx';
import { Back, Columns, Facts, IdFact } from './profile-parts.tsx';
import { FullTime, useEscapeTo } from './user.tsx';

/** Hashes that are shown at first. */
const SUBJECTS_SHOWN = 20;

export function ErasurePage() {
  const { id } = useParams({ from: '/frame/jobs/erasures/$id' });
  const environment = useEnvironment();
  const erasure = useQuery(erasureQuery(environment.id, id));
  useEscapeTo('/jobs/erasures');
  const above = <Back to="/jobs/erasures">Erasures</Back>;
  if (erasure.error) {
    const isUnknown = erasure.error instanceof Refusal && erasure.error.status === 404;
    return (
      <Page title={isUnknown ? 'No such erasure' : 'Erasure'} above={above}>
        {isUnknown ? (
          <Empty
            title="There is no such erasure in this environment"
            action={
              <Link to="/jobs/erasures" search={{}} className={buttonClass()}>
                All erasures
              </Link>
            }
          >
            Erasures and their certificates are kept for good. It may be one of another environment.
          </Empty>
        ) : (
          <div className="px-4 sm:px-6">
            <Failure
              cause={erasure.error}
              title="This erasure could not be read"
              retry={() => void erasure.refetch()}
            />
          </div>
        )}
      </Page>
    );
  }
  if (erasure.data === undefined) {
    return (
      <Page title="Erasure" above={above}>
        <Skeleton lines={8} className="px-4 sm:px-6" />
      </Page>
    );
  }
  return <Detail erasure={erasure.data} />;
}

function Detail({ erasure }: { erasure: Erasure }) {
  const { certificate } = erasure;
  const download = () => {
    const text = `${JSON.stringify(erasure, null, 2)}\n`;
    save(new File([text], fileNameOf(erasure.id), { type: 'application/json' }));
  };
  return (
    <Page
      title={`Erasure of ${whoOf(erasure)}`}
      above={<Back to="/jobs/erasures">Erasures</Back>}
      line={<ErasureState erasure={erasure} />}
      actions={certificate && <Button onClick={download}>Download</Button>}
    >
      <Columns
        main={
          certificate ? <Proof erasure={erasure} certificate={certificate} /> : <UnderWay erasure={erasure} />
        }
        facts={
          <Facts
            facts={[
              ['Erasure', <IdFact key="id" id={erasure.id} />],
              ['Asked by', askerOf(erasure)],
              ['Later calls', erasure.suppress ? 'refused' : 'begin anew'],
              ['Hidden', <FullTime key="accepted" at={erasure.accepted_at} />],
              ['Promised by', <FullTime key="promised" at={erasure.promised_at} />],
              [
                'Removal began',
                erasure.started_at ? <FullTime key="began" at={erasure.started_at} /> : 'not yet',
              ],
              ['Complete', erasure.ended_at ? <FullTime key="ended" at={erasure.ended_at} /> : 'not yet'],
            ]}
          />
        }
        calls={null}
      />
    </Page>
  );
}

/** What an erasure that is not complete waits for or does. */
function UnderWay({ erasure }: { erasure: Erasure }) {
  const now = useNow();
  const isDue = Date.parse(erasure.due_at) <= now;
  return (
    <section className="mb-8 max-w-[560px]">
      <Bar share={null} label={`Erasure of ${whoOf(erasure)}`} />
      <p role="status" className="mt-1.5 text-data text-muted">
        {erasureWords(erasure, now)}
        {isDue ? '…' : '. The removal begins '}
        {!isDue && <Time at={erasure.due_at} />}
      </p>
      <p className="mt-4">
        {whoOf(erasure)} {erasure.ids === 1 ? 'is' : 'are'} in no answer of this server any more. What is left
        in its files is removed, every place is searched once more, and then the certificate stands here.
      </p>
      {erasure.jobs > 0 && (
        <p className="mt-2">
          {countOf(erasure.jobs, 'file')} sent before had not ended then, and may hold the ids: the removal
          waits for {erasure.jobs === 1 ? 'its' : 'their'} end.
        </p>
      )}
      {erasure.is_late && (
        <p className="mt-4 rounded-lg bg-bad-wash px-4 py-3">
          It is later than promised. The server&rsquo;s log says why; it is tried again all the time.
        </p>
      )}
    </section>
  );
}

function Proof({ erasure, certificate }: { erasure: Erasure; certificate: Certificate }) {
  const [isWhole, setWhole] = useState(false);
  const subjects = isWhole ? certificate.subjects : certificate.subjects.slice(0, SUBJECTS_SHOWN);
  const found = certificate.places.reduce((sum, place) => sum + place.found, 0);
  return (
    <>
      <section className="mb-8">
        <h2 className="mb-1 text-[15px] leading-6 font-semibold">Certificate</h2>
        <p className="mb-3 max-w-[68ch]">
          On <FullTime at={certificate.issued_at} /> every place that holds personal data was searched once
          more for {whoOf(erasure)}, and {found === 0 ? 'nothing was found' : `${count(found)} were found`}.
        </p>
        <table className="w-full border-collapse border-t border-line text-data">
          <thead>
            <tr className="text-left text-muted">
              <th scope="col" className="h-8 pr-3 font-medium">
                Place
              </th>
              <th scope="col" className="pr-3 font-medium">
                Removed
              </th>
              <th scope="col" className="pr-3 text-right font-medium">
                Searched
              </th>
              <th scope="col" className="text-right font-medium">
                Found
              </th>
            </tr>
          </thead>
          <tbody>
            {certificate.places.map((place) => (
              <tr key={place.place} className="border-t border-line align-top">
                <th scope="row" className="py-2 pr-3 text-left font-normal break-words">
                  {placeWords(place.place)}
                </th>
                <td className="figures py-2 pr-3 break-words">{removedWords(place.removed)}</td>
                <td className="figures py-2 pr-3 text-right">{count(place.searched)}</td>
                <td className="figures py-2 text-right">{count(place.found)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <section className="mb-8">
        <h2 className="mb-1 text-[15px] leading-6 font-semibold">
          Who{' '}
          <span className="figures ml-1 font-normal text-muted">{count(certificate.subjects.length)}</span>
        </h2>
        <p className="mb-3 max-w-[68ch] text-muted">
          The ids themselves are forgotten. Each stands here as a hash, in the order in which they were named;
          the key of the hashes never leaves the server.
        </p>
        <ol aria-label="Hashes of the ids" className="border-t border-line">
          {subjects.map((subject) => (
            <li key={subject} className="border-b border-line py-1.5">
              <code className="break-all">{subject}</code>
            </li>
          ))}
        </ol>
        {subjects.length < certificate.subjects.length && (
          <Button className="mt-3" onClick={() => setWhole(true)}>
            {`Show all ${count(certificate.subjects.length)}`}
          </Button>
        )}
      </section>
    </>
  );
}

import type { Form } from '../store/codec.ts';

/** One load of one key on its way, shared by everybody in this process who asks for the key meanwhile. */
export interface Flight {
  readonly key: string;
  /** The stored form of the value, undefined = there is none; rejects with the load's error. */
  readonly loaded: Promise<Form | undefined>;
  /**
   * When the store has spoken. True: nothing was invalidated between beginning and end, so the value serves those too
   * who came after the beginning. False: it may be older than their question.
   */
  readonly ended: Promise<boolean>;
  land(form: Form | undefined): void;
  /** Who asks from now on is not told of this failure: it is taken off the table. */
  fail(error: unknown): void;
  /** Taken off the table, unless another has taken its place. */
  end(isCurrent: boolean): void;
}

/** The flights of one cache by key. */
export type Flights = Map<string, Flight>;

export function openFlight(flights: Flights, key: string): Flight {
  let land!: (form: Form | undefined) => void;
  let fail!: (error: unknown) => void;
  let tell!: (isCurrent: boolean) => void;
  const loaded = new Promise<Form | undefined>((resolve, reject) => {
    land = resolve;
    fail = reject;
  });
  // Its error is for those who wait; when nobody does any more, it is nobody's.
  loaded.catch(() => {});
  const ended = new Promise<boolean>((resolve) => {
    tell = resolve;
  });
  const leave = () => {
    if (flights.get(key) === flight) flights.delete(key);
  };
  const flight: Flight = {
    key,
    loaded,
    ended,
    land,
    fail(error) {
      leave();
      fail(error);
    },
    end(isCurrent) {
      leave();
      tell(isCurrent);
    },
  };
  flights.set(key, flight);
  return flight;
}

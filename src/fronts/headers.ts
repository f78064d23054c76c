import { SamovarError } from '../errors.ts';

/** Headers that no caller may set: they would put secrets into keys, or speak to the cache, the connection or the host. */
const never =
  /^(authorization|proxy-.*|cookie2?|cache-control|pragma|range|if-.*|host|connection|keep-alive|upgrade|te|trailer|transfer-encoding|content-.*|expect|accept-encoding)$/;

/** The names of headers that are passed on, in lower case. E_CONFIG for those that must not be. */
export function passable(names: readonly string[], what: string): ReadonlySet<string> {
  return new Set(
    names.map((given) => {
      const name = String(given).toLowerCase();
      if (!/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name) || never.test(name)) {
        throw new SamovarError('E_CONFIG', `${what} cannot pass the header '${String(given)}' on`, {
          hints: ['what is always the same belongs in `headers`'],
        });
      }
      return name;
    }),
  );
}

/** A way of your own to write values as bytes. */
export interface ValueCodec<Value = unknown> {
  encode(value: Value): Uint8Array | string;
  decode(bytes: Buffer): Value;
}

/** What a value must be like, by any library that speaks Standard Schema 1 (zod, valibot, arktype …). */
export interface ValueSchema<Value = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Value> | Promise<SchemaResult<Value>>;
  };
}

export type SchemaResult<Value> =
  | { readonly value: Value; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string }[] };

/** Below this share of what perfect foresight spares, warming by forecast spends loads and spares next to nothing. */
const leastConfidence = 0.1;
/** The share of a plan's budget that goes by the forecast of traffic that cannot be forecast. */
export const cautiousShare = 0.1;

/** Whether traffic cannot be forecast, as far as that is known. */
export const isUnpredictable = (confidence: number | undefined): boolean =>
  confidence !== undefined && confidence < leastConfidence;

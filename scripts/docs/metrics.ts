import { type MetricDefinition, metricDefinitions } from '../../src/metrics/definitions.ts';
import { generated, table } from './table.ts';

export const metricsPage = (): string => `# Metrics

${generated}

A worker serves them at \`/metrics\` in the Prometheus text format, beside \`/healthz\` and \`/readyz\`. A key is never a label.

${table(
  ['metric', 'type', 'labels', 'meaning'],
  Object.entries<MetricDefinition>(metricDefinitions).map(([name, { type, labels, help }]) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(' '),
    help,
  ]),
)}

The metrics of the process (\`process_*\`, \`nodejs_*\`) come with them.
`;

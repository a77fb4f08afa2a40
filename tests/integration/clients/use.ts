// What somebody writes who has only the generated client: a lead, found again, and a refusal that is read.
import createClient from "openapi-fetch";

import type { components, paths } from "./onefunnel.js";

type Lead = components["schemas"]["LeadOut"];

declare const process: { env: Record<string, string> };

const client = createClient<paths>({
  baseUrl: process.env["ONEFUNNEL_URL"]!,
  headers: { Authorization: `Bearer ${process.env["ONEFUNNEL_KEY"]}` },
});

const made = await client.POST("/v1/leads", { body: { source: "web", company: "Acme" } });
if (made.error) throw new Error(made.error.code);
const lead: Lead = made.data;

const read = await client.GET("/v1/leads/{lead_id}", { params: { path: { lead_id: lead.id } } });
const page = await client.GET("/v1/leads", { params: { query: { limit: 1, source: "web" } } });
const refused = await client.GET("/v1/leads", { params: { query: { limit: 1000 } } });
const me = await client.GET("/v1/me");

console.log(
  JSON.stringify({
    lead: read.data?.id === lead.id,
    listed: page.data?.items.length,
    refused: refused.error?.errors?.map((one) => one.pointer),
    role: me.data?.role,
  }),
);

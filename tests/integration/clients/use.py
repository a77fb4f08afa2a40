"""What somebody writes who has only the generated client: a lead, found again, and a refusal that is read."""

import json
import os

from onefunnel_client import AuthenticatedClient
from onefunnel_client.api.identity import get_me
from onefunnel_client.api.leads import create_lead, get_lead, list_leads
from onefunnel_client.models import LeadIn, LeadList, LeadOut, Me, Problem

url, key = os.environ["ONEFUNNEL_URL"], os.environ["ONEFUNNEL_KEY"]
with AuthenticatedClient(url, token=key) as client:
    lead = create_lead.sync(client=client, body=LeadIn(source="web", company="Acme"))
    assert isinstance(lead, LeadOut)
    read = get_lead.sync(lead.id, client=client)
    page = list_leads.sync(client=client, limit=1, source="web")
    refused = list_leads.sync(client=client, limit=1000)
    me = get_me.sync(client=client)

assert isinstance(page, LeadList)
assert isinstance(refused, Problem)
assert isinstance(refused.errors, list)
assert isinstance(me, Me)
said = {
    "lead": read == lead,
    "listed": len(page.items),
    "refused": [one.pointer for one in refused.errors],
    "role": me.role.value,
}
print(json.dumps(said))

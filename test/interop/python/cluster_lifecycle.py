"""Drives the simulated Azure with Microsoft's Python SDK, unchanged.

    python cluster_lifecycle.py <lab.json>

Signs in as `owner`, then creates, reads and deletes a cluster in a resource group of its own. Prints what it did; exits
non-zero on the first thing that is not as it should be.
"""

import json
import sys
import time
import uuid

from azure.core.exceptions import ResourceNotFoundError
from azure.core.rest import HttpRequest
from azure.identity import ClientSecretCredential
from azure.mgmt.azurestackhci import AzureStackHCIClient

GROUPS = "2022-09-01"


def main(lab_file):
    with open(lab_file, encoding="utf-8") as file:
        azure = json.load(file)["azure"]
    owner = azure["principals"]["owner"]
    subscription = azure["subscriptionId"]
    group = f"python-{uuid.uuid4().hex[:8]}"
    name = "pycluster"

    credential = ClientSecretCredential(
        azure["tenantId"],
        owner["clientId"],
        owner["clientSecret"],
        authority=azure["login"],
        disable_instance_discovery=True,
        connection_verify=azure["caFile"],
    )
    client = AzureStackHCIClient(
        credential,
        subscription,
        base_url=azure["resourceManager"],
        credential_scopes=["https://management.azure.com/.default"],
        connection_verify=azure["caFile"],
        polling_interval=0.2,
    )

    def call(method, path, version, body=None):
        request = HttpRequest(method, f"{azure['resourceManager']}{path}", params={"api-version": version}, json=body)
        response = client.send_request(request)
        response.raise_for_status()
        return response

    provider = f"/subscriptions/{subscription}/providers/Microsoft.AzureStackHCI"
    call("POST", f"{provider}/register", GROUPS)
    for _ in range(100):
        state = call("GET", provider, GROUPS).json()["registrationState"]
        if state == "Registered":
            break
        time.sleep(0.1)
    assert state == "Registered", f"the provider is {state}"
    print(f"registered {provider}")

    group_path = f"/subscriptions/{subscription}/resourcegroups/{group}"
    call("PUT", group_path, GROUPS, {"location": "eastus"})
    print(f"created resource group {group}")

    created = client.clusters.create(group, name, {"location": "eastus", "properties": {}})
    print(f"created {created.id}")
    read = client.clusters.get(group, name)
    assert read.name == name, read.name
    print(f"read {read.name}: {read.as_dict()['properties']['status']}")
    assert read.as_dict()["properties"]["status"] == "NotYetRegistered"
    listed = [cluster.name for cluster in client.clusters.list_by_resource_group(group)]
    assert listed == [name], listed
    print(f"listed {listed}")
    client.clusters.begin_delete(group, name).result()
    print(f"deleted {name}")
    try:
        client.clusters.get(group, name)
    except ResourceNotFoundError as error:
        assert error.error.code == "ResourceNotFound", error.error.code
        print("read again: ResourceNotFound")
    else:
        raise AssertionError("the cluster is still there")
    call("DELETE", group_path, GROUPS)
    print(f"deleted resource group {group}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])

# The other operations that only read.

$cloudManagementName = 'Cloud Management'

# The cluster group, or null. Listed, not asked for by name: what a missing one is called differs between builds.
function Get-CloudManagementGroup {
    return @(Get-ClusterGroup -ErrorAction Stop | Where-Object { $_.Name -eq $cloudManagementName })[0]
}

# Its one Generic Service, or null.
function Get-CloudManagementResource {
    param($Group)
    return @(Get-ClusterResource -InputObject $Group -ErrorAction Stop)[0]
}

# A private property of a cluster resource, or null.
function Get-ResourceParameter {
    param($Resource, $Name)
    $found = @(Get-ClusterParameter -InputObject $Resource -ErrorAction Stop | Where-Object { $_.Name -eq $Name })[0]
    return Get-OptionalText -Value $found.Value
}

function Get-CloudManagement {
    $group = Get-CloudManagementGroup
    if ($null -eq $group) {
        return $null
    }
    $resource = Get-CloudManagementResource -Group $group
    $serviceName = $null
    if ($null -ne $resource) {
        $serviceName = Get-ResourceParameter -Resource $resource -Name 'ServiceName'
    }
    return @{ state = Get-BoundedText -Value $group.State; serviceName = $serviceName }
}

function Invoke-ClusterProbe {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $cluster = Get-Cluster -ErrorAction Stop
    $key = Get-ItemProperty -Path 'HKLM:\Cluster' -ErrorAction Stop
    $nameResource = Get-ClusterResource -Name "$($key.ClusterNameResource)" -ErrorAction Stop
    $nodes = @(
        Get-ClusterNode -ErrorAction Stop | ForEach-Object {
            @{
                name              = "$($_.Name)"
                state             = Get-BoundedText -Value $_.State
                statusInformation = Get-OptionalText -Value $_.StatusInformation
                drainStatus       = Get-OptionalText -Value $_.DrainStatus
            }
        }
    )
    return @{
        name            = "$($cluster.Name)"
        id              = "$($cluster.Id)"
        functionalLevel = [int]$cluster.ClusterFunctionalLevel
        dnsName         = "$(Get-ResourceParameter -Resource $nameResource -Name 'DnsName')"
        dnsSuffix       = "$(Get-ResourceParameter -Resource $nameResource -Name 'DnsSuffix')"
        nodes           = $nodes
        cloudManagement = Get-CloudManagement
    }
}

# Any HTTP status is an answer; without one the endpoint was not reached.
function Get-Health {
    param($ServiceEndpoint)
    try {
        $answer = Invoke-WebRequest -Uri "$($ServiceEndpoint.TrimEnd('/'))/health" -UseBasicParsing -TimeoutSec 30 -ErrorAction Stop
        return @{ reachable = $true; statusCode = [int]$answer.StatusCode; error = $null }
    }
    catch {
        $message = Get-OptionalText -Value $_.Exception.Message
        $response = $_.Exception.Response
        if ($null -eq $response) {
            return @{ reachable = $false; statusCode = $null; error = $message }
        }
        return @{ reachable = $true; statusCode = [int]$response.StatusCode; error = $message }
    }
}

function Invoke-Connectivity {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments -Texts @('serviceEndpoint')
    if ($Arguments.serviceEndpoint -notmatch '^https://') {
        Stop-Operation -Id 'InvalidArguments' -Message 'The argument serviceEndpoint is no https address.'
    }
    return @{ health = Get-Health -ServiceEndpoint $Arguments.serviceEndpoint; agent = Get-AgentCheck }
}

function Get-RegistrationEvent {
    $filter = @{ LogName = 'Microsoft-AzureStack-HCI/Admin'; Id = @(585, 591, 592, 594) }
    try {
        return Get-WinEvent -FilterHashtable $filter -MaxEvents 50 -ErrorAction Stop
    }
    catch {
        if ($_.FullyQualifiedErrorId -match '^NoMatching(Events|Logs)Found') {
            return @()
        }
        throw
    }
}

function Invoke-Events {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $events = @(
        Get-RegistrationEvent | ForEach-Object {
            $message = "$($_.Message)"
            if ($message.Length -gt 1024) {
                $message = $message.Substring(0, 1024)
            }
            @{ id = [int]$_.Id; time = Get-OptionalInstant -Value $_.TimeCreated; level = [int]$_.Level; message = $message }
        }
    )
    return @{ events = $events }
}

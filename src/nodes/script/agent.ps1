# The Azure Connected Machine agent's program.

$agentPath = 'C:\Program Files\AzureConnectedMachineAgent\azcmagent.exe'

# The JSON in its output, which may begin with log lines; null where there is none.
function ConvertFrom-AgentOutput {
    param($Text)
    if ($Text -cmatch '(?s)[{\[].*\z') {
        try {
            return ConvertFrom-Json -InputObject $Matches[0]
        }
        catch {
            return $null
        }
    }
    return $null
}

# `found` is null where it gave no answer; `error` then says so.
function Get-AgentAnswer {
    param($Verb)
    # What it writes to stderr is not an error of the script.
    $ErrorActionPreference = 'Continue'
    $text = @(& $agentPath $Verb '-j' '--log-stderr' '--no-color') -join "`n"
    $found = ConvertFrom-AgentOutput -Text $text
    if ($null -eq $found) {
        # Older releases do not know these flags.
        $text = @(& $agentPath $Verb '-j') -join "`n"
        $found = ConvertFrom-AgentOutput -Text $text
    }
    return @{ found = $found; error = Get-BoundedText -Value "azcmagent $Verb gave no answer (exit code $LASTEXITCODE): $text" }
}

function Get-Agent {
    if (-not (Test-Path -Path $agentPath)) {
        return $null
    }
    $answer = Get-AgentAnswer -Verb 'show'
    $shown = $answer.found
    if ($null -eq $shown) {
        # It is installed and does not answer, because himds is stopped for one. That is neither connected nor disconnected.
        $shown = @{ status = 'Unknown'; agentErrorDetails = $answer.error }
    }
    return @{
        version        = Get-BoundedText -Value $shown.agentVersion
        status         = Get-BoundedText -Value $shown.status
        resourceName   = Get-OptionalText -Value $shown.resourceName
        resourceGroup  = Get-OptionalText -Value $shown.resourceGroup
        subscriptionId = Get-OptionalText -Value $shown.subscriptionId
        tenantId       = Get-OptionalText -Value $shown.tenantId
        location       = Get-OptionalText -Value $shown.location
        lastHeartbeat  = Get-OptionalInstant -Value $shown.lastHeartbeat
        errorCode      = Get-OptionalText -Value $shown.agentErrorCode
        errorDetails   = Get-OptionalText -Value $shown.agentErrorDetails
    }
}

# Releases of the agent write a truth value, or a word.
function Get-OptionalTruth {
    param($Value)
    if ("$Value" -match '^(true|yes|reachable)$') {
        return $true
    }
    if ("$Value" -match '^(false|no|unreachable)$') {
        return $false
    }
    return $null
}

function Get-AgentCheck {
    if (-not (Test-Path -Path $agentPath)) {
        return $null
    }
    $answer = Get-AgentAnswer -Verb 'check'
    $found = $answer.found
    if ($null -eq $found) {
        return @{ endpoints = @(); error = $answer.error }
    }
    $rows = @($found)
    if ($found -isnot [array] -and $null -eq $found.endpoint) {
        # An object with one row per endpoint, named after it.
        $rows = @($found.PSObject.Properties | ForEach-Object { @{ endpoint = $_.Name; reachable = $_.Value.reachable; required = $_.Value.required } })
    }
    $endpoints = @(
        $rows | Select-Object -First 100 | ForEach-Object {
            @{
                endpoint  = Get-BoundedText -Value $_.endpoint
                reachable = Get-OptionalTruth -Value $_.reachable
                required  = Get-OptionalTruth -Value $_.required
            }
        }
    )
    return @{ endpoints = $endpoints; error = $null }
}

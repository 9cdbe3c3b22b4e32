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

# A text without the user and the password that addresses in it may have: that of a proxy, for one.
function Get-AgentText {
    param($Value)
    $text = Get-OptionalText -Value $Value
    if ($null -eq $text) {
        return $null
    }
    return $text -replace '//[^/\s]*@', '//***@'
}

# Releases of the agent write a list, or one text with commas.
function Get-AgentProxyBypass {
    param($Value)
    $names = @($Value | ForEach-Object { "$_" -split ',' } | ForEach-Object { $_.Trim() } | Where-Object { $_ -ne '' })
    return @($names | Select-Object -First 16 | ForEach-Object { Get-BoundedText -Value $_ })
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
        errorDetails   = Get-AgentText -Value $shown.agentErrorDetails
        proxyUrl       = Get-AgentText -Value $shown.httpsProxy
        proxyBypass    = @(Get-AgentProxyBypass -Value $shown.proxyBypass)
    }
}

# Stops unless the agent took what it was told. $Output is what it printed.
function Assert-AgentDone {
    param($Doing, $Output)
    if ($LASTEXITCODE -ne 0) {
        Stop-Operation -Id 'AgentRefused' -Message (Get-AgentText -Value "$Doing failed (exit code $LASTEXITCODE): $(@($Output) -join ' ')")
    }
}

# Both properties are set each time: what is not asked for is cleared. The agent's services take them up by themselves.
function Invoke-SetAgentProxy {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments -Texts @('url', 'bypass')
    if ($Arguments.url -notmatch '\Ahttps?://[A-Za-z0-9.:_\[\]-]+/?\z') {
        Stop-Operation -Id 'InvalidArguments' -Message 'The argument url is no address of a proxy, or has a user and a password in it.'
    }
    if ($Arguments.bypass -notmatch '\A([A-Za-z]+(,[A-Za-z]+)*)?\z') {
        Stop-Operation -Id 'InvalidArguments' -Message 'The argument bypass is no list of names with commas.'
    }
    if (-not (Test-Path -Path $agentPath)) {
        Stop-Operation -Id 'AgentNotInstalled' -Message 'The Connected Machine agent is not installed.'
    }
    # What it writes to stderr is not an error of the script.
    $ErrorActionPreference = 'Continue'
    $output = & $agentPath 'config' 'set' 'proxy.url' $Arguments.url 2>&1
    Assert-AgentDone -Doing 'azcmagent config set proxy.url' -Output $output
    if ($Arguments.bypass -eq '') {
        $output = & $agentPath 'config' 'clear' 'proxy.bypass' 2>&1
    }
    else {
        $output = & $agentPath 'config' 'set' 'proxy.bypass' $Arguments.bypass 2>&1
    }
    Assert-AgentDone -Doing 'azcmagent config for proxy.bypass' -Output $output
    return @{}
}

# Makes the agent forget a resource that Azure no longer has. One that is connected is left alone, whoever asks.
function Invoke-DisconnectAgent {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $agent = Get-Agent
    if ($null -eq $agent -or ($agent.status -eq 'Disconnected' -and $null -eq $agent.resourceName)) {
        return @{}
    }
    if ($agent.status -notin @('Disconnected', 'Expired')) {
        Stop-Operation -Id 'AgentNotDisconnected' -Message "The Connected Machine agent is $($agent.status): it is left as it is."
    }
    $ErrorActionPreference = 'Continue'
    $output = & $agentPath 'disconnect' '--force-local-only' 2>&1
    Assert-AgentDone -Doing 'azcmagent disconnect --force-local-only' -Output $output
    return @{}
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

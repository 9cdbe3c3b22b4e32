# How the script answers: values as the contract (src/nodes/operations.ts) wants them, errors, the frame.

$contractVersion = 1
$scriptRelease = '1.0.0'
$longestText = 4096

function Get-BoundedText {
    param($Value)
    $text = "$Value"
    if ($text.Length -gt $longestText) {
        return $text.Substring(0, $longestText)
    }
    return $text
}

# A text or the name of an enumeration's value. Nothing and empty are null.
function Get-OptionalText {
    param($Value)
    $text = Get-BoundedText -Value $Value
    if ($text -eq '') {
        return $null
    }
    return $text
}

# UTC, ISO 8601. Windows says "never" with a date long before this product, and the agent with the year 1.
function Get-OptionalInstant {
    param($Value)
    if ("$Value" -eq '') {
        return $null
    }
    if ($Value -is [string]) {
        # The agent writes more digits than a date takes.
        $Value = $Value -replace '\.[0-9]+', ''
    }
    $instant = ([datetime]$Value).ToUniversalTime()
    if ($instant.Year -lt 2000) {
        return $null
    }
    return $instant.ToString('o')
}

# An error of the script itself. A thrown hashtable reaches the catch block as the record's TargetObject.
function Stop-Operation {
    param($Id, $Message)
    throw @{ hciregErrorId = $Id; message = $Message }
}

# The arguments are exactly these texts and flags. The controller has checked them; whoever else holds the key has not.
function Assert-Arguments {
    param($Arguments, $Texts = @(), $Flags = @())
    $given = @($Arguments.PSObject.Properties | ForEach-Object { $_.Name })
    foreach ($name in $given) {
        if ($name -notin ($Texts + $Flags)) {
            Stop-Operation -Id 'InvalidArguments' -Message 'The operation has no argument of a name that was given.'
        }
    }
    foreach ($name in $Texts) {
        if ($Arguments.$name -isnot [string]) {
            Stop-Operation -Id 'InvalidArguments' -Message "The argument $name is missing or no text."
        }
    }
    foreach ($name in $Flags) {
        if ($Arguments.$name -isnot [bool]) {
            Stop-Operation -Id 'InvalidArguments' -Message "The argument $name is missing or neither true nor false."
        }
    }
}

# Cmdlets may repeat a parameter's value in their message.
function Hide-Secret {
    param($Text, $Arguments)
    if ($null -eq $Arguments) {
        return $Text
    }
    foreach ($property in $Arguments.PSObject.Properties) {
        if ($property.Name -match 'secret' -and "$($property.Value)" -ne '') {
            $Text = $Text.Replace("$($property.Value)", '(redacted)')
        }
    }
    return $Text
}

function Get-Failure {
    param($Record, $Arguments)
    $own = $Record.TargetObject
    if ($own -is [hashtable] -and $null -ne $own.hciregErrorId) {
        return @{
            message  = Get-BoundedText -Value $own.message
            id       = $own.hciregErrorId
            reason   = 'InvalidOperationException'
            position = ''
        }
    }
    $message = "$($Record.Exception.Message)"
    # The registration cmdlets put what Azure said here.
    $detail = "$($Record.Exception.InnerException.Detail.Error)"
    if ($detail -ne '' -and $detail -ne $message) {
        $message = "$message $detail"
    }
    $position = "$($Record.InvocationInfo.PositionMessage)"
    return @{
        message  = Get-BoundedText -Value (Hide-Secret -Text $message -Arguments $Arguments)
        id       = Get-BoundedText -Value (Hide-Secret -Text "$($Record.FullyQualifiedErrorId)" -Arguments $Arguments)
        reason   = Get-BoundedText -Value $Record.CategoryInfo.Reason
        position = Get-BoundedText -Value (Hide-Secret -Text $position -Arguments $Arguments)
    }
}

# Pure ASCII: no code page on the way can change it. A match evaluator would not be allowed under constrained language.
function Get-AsciiJson {
    param($Value)
    $json = ConvertTo-Json -InputObject $Value -Depth 6 -Compress
    while ($json -cmatch '[^\x20-\x7e]') {
        $character = $Matches[0]
        $json = $json.Replace($character, ('\u{0:x4}' -f [int][char]$character))
    }
    return $json
}

function Write-Answer {
    param($Operation, $Result, $Failure)
    $answer = @{ v = $contractVersion; op = $Operation }
    if ($null -eq $Failure) {
        $answer.ok = $true
        $answer.result = $Result
    }
    else {
        $answer.ok = $false
        $answer.error = $Failure
    }
    $json = Get-AsciiJson -Value $answer
    Write-Output -InputObject "<<<HCIREG${json}HCIREG>>>"
}

# The Application log may be full, or the source not be there (nothing is installed): the operation counts, not its trace.
function Write-Audit {
    param($Operation, $CorrelationId, $Failure)
    $caller = "$CorrelationId" -replace '[^A-Za-z0-9._-]', ''
    if ($caller.Length -gt 64) {
        $caller = $caller.Substring(0, 64)
    }
    $entry = @{ LogName = 'Application'; Source = 'HciRegistration'; EventId = 1; EntryType = 'Information' }
    $entry.Message = "Operation $Operation succeeded. Correlation id: $caller. Script release: $scriptRelease."
    if ($null -ne $Failure) {
        $entry.EventId = 2
        $entry.EntryType = 'Warning'
        $entry.Message = "Operation $Operation failed with $($Failure.id). Correlation id: $caller. Script release: $scriptRelease."
    }
    try {
        Write-EventLog @entry -ErrorAction Stop
    }
    catch {
        $null = $_
    }
}

# What the script remembers between operations. One value per record, so that a record is there whole or not at all.

$recordsPath = 'HKLM:\SOFTWARE\HciRegistration'

# Never New-Item -Force: of a key that another process has made meanwhile it would take everything away.
function Confirm-RegistryKey {
    param($Path)
    if (-not (Test-Path -Path $Path)) {
        $null = New-Item -Path $Path -ErrorAction SilentlyContinue
    }
}

function Get-Record {
    param($Name)
    if (-not (Test-Path -Path $recordsPath)) {
        return $null
    }
    $values = Get-ItemProperty -Path $recordsPath -ErrorAction Stop
    if ($null -eq $values.$Name) {
        return $null
    }
    return ConvertFrom-Json -InputObject $values.$Name
}

function Set-Record {
    param($Name, $Value)
    Confirm-RegistryKey -Path $recordsPath
    $json = ConvertTo-Json -InputObject $Value -Depth 2 -Compress
    $null = New-ItemProperty -Path $recordsPath -Name $Name -PropertyType String -Value $json -Force -ErrorAction Stop
}

function Remove-Record {
    param($Name)
    if ($null -ne (Get-Record -Name $Name)) {
        Remove-ItemProperty -Path $recordsPath -Name $Name -ErrorAction Stop
    }
}

# Windows reads the certificate: thumbprint and end of its lifetime without a type that constrained language forbids.
function Get-CertificateRecord {
    param($Certificate)
    $directory = 'C:\Program Files\HciRegistration'
    if (-not (Test-Path -Path $directory)) {
        $null = New-Item -Path $directory -ItemType Directory -ErrorAction Stop
    }
    $file = "$directory\certificate-$PID.cer"
    $lines = @('-----BEGIN CERTIFICATE-----', $Certificate, '-----END CERTIFICATE-----')
    try {
        Set-Content -Path $file -Value $lines -Encoding Ascii -ErrorAction Stop
        $read = Get-PfxCertificate -FilePath $file -ErrorAction Stop
        return @{
            certificate = $Certificate
            thumbprint  = "$($read.Thumbprint)"
            notAfter    = Get-OptionalInstant -Value $read.NotAfter
            # Its own notBefore may lie before it was made.
            createdTime = Get-OptionalInstant -Value (Get-Date)
        }
    }
    finally {
        Remove-Item -Path $file -Force -ErrorAction SilentlyContinue
    }
}

# At most one operation that changes something runs on a node. Who runs one leaves a key below this one, which only administrators
# may write. The key is named after the process and the time it started, so that one left by a process that is gone, or from before
# a reboot, is known from its name alone. Everybody writes the own key before reading the others', so of two at least one sees both.

$locksPath = 'HKLM:\SOFTWARE\HciRegistration\Locks'

# What the key of a running process is named; empty where there is no such process.
function Get-ProcessMark {
    param($ProcessId)
    $process = Get-CimInstance -ClassName Win32_Process -Filter "ProcessId = $ProcessId" -ErrorAction Stop
    if ($null -eq $process) {
        return ''
    }
    $started = "$(Get-OptionalInstant -Value $process.CreationDate)" -replace '[^0-9]', ''
    return "$ProcessId-$started"
}

function Enter-Lock {
    param($Mark, $Operation, $CorrelationId)
    Confirm-RegistryKey -Path $recordsPath
    Confirm-RegistryKey -Path $locksPath
    $path = "$locksPath\$Mark"
    $null = New-Item -Path $path -ErrorAction Stop
    $since = (Get-Date).ToUniversalTime().ToString('o')
    $null = New-ItemProperty -Path $path -Name 'Operation' -PropertyType String -Value $Operation -Force -ErrorAction Stop
    $null = New-ItemProperty -Path $path -Name 'Since' -PropertyType String -Value $since -Force -ErrorAction Stop
    $null = New-ItemProperty -Path $path -Name 'CorrelationId' -PropertyType String -Value "$CorrelationId" -Force -ErrorAction Stop

    # A key of another form is nobody's mark: it holds nothing, and is not ours to remove.
    $others = @(
        Get-ChildItem -Path $locksPath -ErrorAction Stop |
            ForEach-Object { $_.PSChildName } |
            Where-Object { $_ -ne $Mark -and $_ -match '\A[0-9]{1,9}-[0-9]+\z' }
    )
    foreach ($other in $others) {
        if ((Get-ProcessMark -ProcessId ([int]($other -replace '-.*$', ''))) -ne $other) {
            Remove-Item -Path "$locksPath\$other" -Recurse -Force -ErrorAction SilentlyContinue
        }
        else {
            $held = Get-ItemProperty -Path "$locksPath\$other" -ErrorAction SilentlyContinue
            Stop-Operation -Id 'OperationInProgress' -Message "$($held.Operation) is running on this node since $($held.Since) (process $other)."
        }
    }
}

function Exit-Lock {
    param($Mark)
    # What is left is known as stale once this process is gone; the outcome of the operation stands.
    Remove-Item -Path "$locksPath\$Mark" -Recurse -Force -ErrorAction SilentlyContinue
}

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

# probe: everything about one node in one run. What does not exist on a build is null; what cannot be read is an error.

$taskName = 'ArcRegistrationTask'
$stampPath = 'HKLM:\SOFTWARE\Microsoft\AzureStackStampInformation'
# Microsoft Update, among the services that automatic updates ask.
$microsoftUpdatePath = 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Services\7971F918-A847-4430-9279-4A52D1EFE18D'
$imdsPath = 'HKLM:\SOFTWARE\Microsoft\Windows Azure\CurrentVersion\IMDS'

# The values of a key, or null.
function Get-RegistryKey {
    param($Path)
    if (-not (Test-Path -Path $Path)) {
        return $null
    }
    return Get-ItemProperty -Path $Path -ErrorAction Stop
}

function Get-Registration {
    $found = Get-AzureStackHCI -ErrorAction Stop
    return @{
        clusterStatus      = Get-BoundedText -Value $found.ClusterStatus
        registrationStatus = Get-BoundedText -Value $found.RegistrationStatus
        registrationDate   = Get-OptionalInstant -Value $found.RegistrationDate
        azureResourceName  = Get-OptionalText -Value $found.AzureResourceName
        azureResourceUri   = Get-OptionalText -Value $found.AzureResourceUri
        connectionStatus   = Get-OptionalText -Value $found.ConnectionStatus
        lastConnected      = Get-OptionalInstant -Value $found.LastConnected
        nextSync           = Get-OptionalInstant -Value $found.NextSync
        region             = Get-OptionalText -Value $found.Region
        imdsAttestation    = Get-OptionalText -Value $found.IMDSAttestation
        diagnosticLevel    = Get-OptionalText -Value $found.DiagnosticLevel
    }
}

function Get-ArcIntegration {
    param($Commands)
    if ('Get-AzureStackHCIArcIntegration' -notin $Commands) {
        return $null
    }
    $found = Get-AzureStackHCIArcIntegration -ErrorAction Stop
    $nodes = @{}
    if ($null -ne $found.NodesArcStatus) {
        # Not indexed by name: constrained language has no indexer for this kind of dictionary.
        $names = @($found.NodesArcStatus.Keys)
        $statuses = @($found.NodesArcStatus.Values)
        $index = 0
        foreach ($name in $names) {
            $nodes["$name"] = Get-OptionalText -Value $statuses[$index]
            $index += 1
        }
    }
    return @{
        clusterArcStatus = Get-BoundedText -Value $found.ClusterArcStatus
        nodesArcStatus   = $nodes
        applicationId    = Get-OptionalText -Value $found.ApplicationId
    }
}

# The task on this node, or null.
function Get-ArcTask {
    try {
        return @(Get-ScheduledTask -TaskName $taskName -ErrorAction Stop)[0]
    }
    catch {
        if ($_.FullyQualifiedErrorId -like 'CmdletizationQuery_NotFound*') {
            return $null
        }
        throw
    }
}

function Get-ArcTaskStatus {
    $task = Get-ArcTask
    if ($null -eq $task) {
        return $null
    }
    $info = Get-ScheduledTaskInfo -InputObject $task -ErrorAction Stop
    $lastRunTime = Get-OptionalInstant -Value $info.LastRunTime
    $lastTaskResult = $null
    if ($null -ne $lastRunTime) {
        $lastTaskResult = [long]$info.LastTaskResult
    }
    return @{ state = Get-BoundedText -Value $task.State; lastRunTime = $lastRunTime; lastTaskResult = $lastTaskResult }
}

# Null where the firmware is a legacy BIOS or has no such variable.
function Get-SecureBoot {
    try {
        return [bool](Confirm-SecureBootUEFI -ErrorAction Stop)
    }
    catch {
        if ($_.CategoryInfo.Reason -in @('PlatformNotSupportedException', 'CommandNotFoundException') -or $_.Exception.Message -match '0xC0000100') {
            return $null
        }
        throw
    }
}

function Get-ServiceStatus {
    $found = @{}
    foreach ($name in @('hcisvc', 'himds')) {
        try {
            $service = Get-Service -Name $name -ErrorAction Stop
            $found[$name] = Get-BoundedText -Value $service.Status
        }
        catch {
            if ($_.FullyQualifiedErrorId -notlike 'NoServiceFoundForGivenName*') {
                throw
            }
        }
    }
    return $found
}

function Get-CloudManagementService {
    $directory = 'C:\Windows\System32\azshci'
    $found = @()
    if (Test-Path -Path "$directory\HciClusterAgentSvc.exe") {
        $found += 'HciClusterAgentSvc'
    }
    if (Test-Path -Path "$directory\cloudmanagement\HciCloudManagementSvc.exe") {
        $found += 'HciCloudManagementSvc'
    }
    return $found
}

function Invoke-Probe {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $system = Get-CimInstance -ClassName Win32_OperatingSystem -ErrorAction Stop
    $bios = Get-CimInstance -ClassName Win32_BIOS -ErrorAction Stop
    $version = Get-ItemProperty -Path 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion' -ErrorAction Stop
    $imds = Get-RegistryKey -Path $imdsPath
    $stamp = Get-RegistryKey -Path $stampPath
    $microsoftUpdate = Get-RegistryKey -Path $microsoftUpdatePath
    $commands = @(Get-Command -Module AzureStackHCI -ErrorAction Stop | Select-Object -First 128 | ForEach-Object { "$($_.Name)" })
    $registration = Get-Registration
    return @{
        script                  = @{ release = $scriptRelease; execution = $execution }
        computerName            = "$env:COMPUTERNAME"
        registration            = $registration
        certificate             = @{ created = Get-Record -Name 'Created'; set = Get-Record -Name 'Set' }
        arc                     = Get-ArcIntegration -Commands $commands
        arcSecret               = Get-Record -Name 'ArcSecret'
        agent                   = Get-Agent
        arcRegistrationTask     = Get-ArcTaskStatus
        deploymentLaunchType    = Get-OptionalText -Value $stamp.DeploymentLaunchType
        microsoftUpdate         = ("$($microsoftUpdate.RegisteredWithAU)" -eq '1')
        customImdsHostAddress   = Get-OptionalText -Value $imds.CustomIMDSHostAddress
        os                      = @{
            build          = [int]$system.BuildNumber
            ubr            = [int]$version.UBR
            displayVersion = Get-BoundedText -Value $version.DisplayVersion
            bootTime       = Get-OptionalInstant -Value $system.LastBootUpTime
            currentTime    = Get-OptionalInstant -Value (Get-Date)
            languageMode   = Get-BoundedText -Value $ExecutionContext.SessionState.LanguageMode
        }
        bios                    = @{
            manufacturer = Get-BoundedText -Value $bios.Manufacturer
            version      = Get-BoundedText -Value $bios.SMBIOSBIOSVersion
            releaseDate  = Get-OptionalInstant -Value $bios.ReleaseDate
            secureBoot   = Get-SecureBoot
        }
        commands                = $commands
        cloudManagementServices = @(Get-CloudManagementService)
        services                = Get-ServiceStatus
    }
}

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

# Registration certificates, the registration itself, Cloud Management, synchronisation.

# What was last created or set here is recorded only after the cmdlet succeeded.
function Invoke-NewRegistrationCertificate {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $made = New-AzureStackHCIRegistrationCertificate -ErrorAction Stop
    $record = Get-CertificateRecord -Certificate ("$made" -replace '\s', '')
    Set-Record -Name 'Created' -Value $record
    return $record
}

function Invoke-SetRegistrationCertificate {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments -Texts @(
        'serviceEndpoint', 'billingServiceApiScope', 'graphServiceApiScope', 'aadAuthority',
        'appId', 'tenantId', 'cloudId', 'certificateThumbprint'
    )
    $parameters = @{
        ServiceEndpoint        = $Arguments.serviceEndpoint
        BillingServiceApiScope = $Arguments.billingServiceApiScope
        GraphServiceApiScope   = $Arguments.graphServiceApiScope
        AADAuthority           = $Arguments.aadAuthority
        AppId                  = $Arguments.appId
        TenantId               = $Arguments.tenantId
        CloudId                = $Arguments.cloudId
        CertificateThumbprint  = $Arguments.certificateThumbprint
    }
    $null = Set-AzureStackHCIRegistrationCertificate @parameters -ErrorAction Stop
    $thumbprint = $Arguments.certificateThumbprint.ToUpperInvariant() -replace '[^0-9A-F]', ''
    $created = Get-Record -Name 'Created'
    if ($thumbprint -eq '') {
        $thumbprint = "$($created.thumbprint)"
    }
    if ($thumbprint -eq '') {
        # A certificate that somebody else had made: what was recorded before holds no longer.
        Remove-Record -Name 'Set'
    }
    else {
        # Kept whole: an upload of its successor must carry it too, until that one is in use.
        $known = $null
        if ($thumbprint -eq "$($created.thumbprint)") {
            $known = $created
        }
        Set-Record -Name 'Set' -Value @{
            thumbprint  = $thumbprint
            appId       = $Arguments.appId
            cloudId     = $Arguments.cloudId
            certificate = $known.certificate
            notAfter    = $known.notAfter
            createdTime = $known.createdTime
        }
    }
    return @{}
}

# The cmdlet may refuse where there is none; that is what a repetition would meet.
function Invoke-RemoveRegistrationCertificate {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    try {
        $null = Remove-AzureStackHCIRegistrationCertificate -ErrorAction Stop
    }
    catch {
        if ($null -ne (Get-AzureStackHCIRegistrationCertificate -ErrorAction Stop)) {
            throw
        }
    }
    Remove-Record -Name 'Set'
    Remove-Record -Name 'Created'
    Remove-Record -Name 'ArcSecret'
    return @{}
}

function Invoke-SetRegistration {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments -Texts @(
        'serviceEndpoint', 'billingServiceApiScope', 'graphServiceApiScope', 'aadAuthority',
        'appId', 'tenantId', 'cloudId', 'subscriptionId', 'objectId', 'resourceName', 'providerNamespace',
        'resourceArmId', 'servicePrincipalClientId', 'certificateThumbprint'
    )
    $parameters = @{
        ServiceEndpoint          = $Arguments.serviceEndpoint
        BillingServiceApiScope   = $Arguments.billingServiceApiScope
        GraphServiceApiScope     = $Arguments.graphServiceApiScope
        AADAuthority             = $Arguments.aadAuthority
        AppId                    = $Arguments.appId
        TenantId                 = $Arguments.tenantId
        CloudId                  = $Arguments.cloudId
        SubscriptionId           = $Arguments.subscriptionId
        ObjectId                 = $Arguments.objectId
        ResourceName             = $Arguments.resourceName
        ProviderNamespace        = $Arguments.providerNamespace
        ResourceArmId            = $Arguments.resourceArmId
        ServicePrincipalClientId = $Arguments.servicePrincipalClientId
        CertificateThumbprint    = $Arguments.certificateThumbprint
    }
    $null = Set-AzureStackHCIRegistration @parameters -ErrorAction Stop
    return @{}
}

# The cmdlet refuses what is not registered; that is what a repetition would meet.
function Invoke-RemoveRegistration {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $found = Get-AzureStackHCI -ErrorAction Stop
    if ("$($found.AzureResourceUri)" -ne '') {
        $null = Remove-AzureStackHCIRegistration -ErrorAction Stop
    }
    return @{}
}

function Invoke-StartCloudManagement {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments -Texts @('serviceName')
    if ($Arguments.serviceName -notin @('HciClusterAgentSvc', 'HciCloudManagementSvc')) {
        Stop-Operation -Id 'InvalidArguments' -Message 'The argument serviceName is no service of Cloud Management.'
    }
    $group = Get-CloudManagementGroup
    if ($null -eq $group) {
        $group = Add-ClusterGroup -Name $cloudManagementName -ErrorAction Stop
    }
    $resource = Get-CloudManagementResource -Group $group
    if ($null -eq $resource) {
        $resource = Add-ClusterResource -Name $cloudManagementName -ResourceType 'Generic Service' -Group $cloudManagementName -ErrorAction Stop
    }
    $serviceName = Get-ResourceParameter -Resource $resource -Name 'ServiceName'
    if ($serviceName -ne $Arguments.serviceName) {
        # A running resource takes another service only at its next start.
        if ($null -ne $serviceName -and "$($group.State)" -ne 'Offline') {
            $null = Stop-ClusterGroup -Name $cloudManagementName -Wait 60 -ErrorAction Stop
        }
        $null = Set-ClusterParameter -InputObject $resource -Name 'ServiceName' -Value $Arguments.serviceName -ErrorAction Stop
    }
    $null = Start-ClusterGroup -Name $cloudManagementName -Wait 120 -ErrorAction Stop
    $started = Get-CloudManagementGroup
    if ("$($started.State)" -ne 'Online') {
        Stop-Operation -Id 'CloudManagementNotOnline' -Message "The cluster group $cloudManagementName is $($started.State) after its start."
    }
    return @{}
}

function Invoke-RemoveCloudManagement {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $group = Get-CloudManagementGroup
    if ($null -ne $group) {
        if ("$($group.State)" -ne 'Offline') {
            $null = Stop-ClusterGroup -Name $cloudManagementName -Wait 60 -ErrorAction Stop
        }
        $null = Remove-ClusterGroup -Name $cloudManagementName -RemoveResources -Force -ErrorAction Stop
    }
    return @{}
}

# Microsoft documents that a synchronisation right after a reboot deletes that node's Arc resource. The controller waits longer
# and looks at all nodes; this holds whoever asks.
function Invoke-Sync {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $notUp = @(Get-ClusterNode -ErrorAction Stop | Where-Object { "$($_.State)" -ne 'Up' } | ForEach-Object { "$($_.Name) is $($_.State)" })
    if ($notUp.Count -gt 0) {
        Stop-Operation -Id 'NodeNotUp' -Message "Not every node of the cluster is up: $($notUp -join ', ')."
    }
    $system = Get-CimInstance -ClassName Win32_OperatingSystem -ErrorAction Stop
    $booted = $system.LastBootUpTime.ToUniversalTime()
    if ($booted.AddMinutes(5) -gt (Get-Date).ToUniversalTime()) {
        Stop-Operation -Id 'NodeFreshlyBooted' -Message "This node has booted at $($booted.ToString('o')), less than 5 minutes ago."
    }
    $null = Sync-AzureStackHCI -ErrorAction Stop
    return @{}
}

function Invoke-RemoveCustomImdsHostAddress {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $imds = Get-RegistryKey -Path $imdsPath
    if ($null -ne $imds.CustomIMDSHostAddress) {
        Remove-ItemProperty -Path $imdsPath -Name 'CustomIMDSHostAddress' -ErrorAction Stop
    }
    return @{}
}

# The text of src/nodes/script/arc-registration-task.ps1, as powershell.exe -EncodedCommand takes it.
$arcRegistrationTask = 'JABFAHIAcgBvAHIAQQBjAHQAaQBvAG4AUAByAGUAZgBlAHIAZQBuAGMAZQAgAD0AIAAnAFMAdABvAHAAJwAKACQAUAByAG8AZwByAGUAcwBzAFAAcgBlAGYAZQByAGUAbgBjAGUAIAA9ACAAJwBTAGkAbABlAG4AdABsAHkAQwBvAG4AdABpAG4AdQBlACcACgAkAEMAbwBuAGYAaQByAG0AUAByAGUAZgBlAHIAZQBuAGMAZQAgAD0AIAAnAE4AbwBuAGUAJwAKAGYAdQBuAGMAdABpAG8AbgAgAEcAZQB0AC0ATwB3AG4AUwB0AGEAdAB1AHMAIAB7AAoAcABhAHIAYQBtACgAJABBAHIAYwApAAoAJABzAHQAYQB0AHUAcwBlAHMAIAA9ACAAQAAoACQAQQByAGMALgBOAG8AZABlAHMAQQByAGMAUwB0AGEAdAB1AHMALgBWAGEAbAB1AGUAcwApAAoAJABpAG4AZABlAHgAIAA9ACAAMAAKAGYAbwByAGUAYQBjAGgAIAAoACQAbgBhAG0AZQAgAGkAbgAgAEAAKAAkAEEAcgBjAC4ATgBvAGQAZQBzAEEAcgBjAFMAdABhAHQAdQBzAC4ASwBlAHkAcwApACkAIAB7AAoAaQBmACAAKAAkAG4AYQBtAGUAIAAtAGUAcQAgACQAZQBuAHYAOgBDAE8ATQBQAFUAVABFAFIATgBBAE0ARQApACAAewAKAHIAZQB0AHUAcgBuACAAIgAkACgAJABzAHQAYQB0AHUAcwBlAHMAWwAkAGkAbgBkAGUAeABdACkAIgAKAH0ACgAkAGkAbgBkAGUAeAAgACsAPQAgADEACgB9AAoAcgBlAHQAdQByAG4AIAAnACcACgB9AAoAZgB1AG4AYwB0AGkAbwBuACAAVABlAHMAdAAtAEEAZwBlAG4AdABGAG8AcgBnAG8AdAB0AGUAbgAgAHsACgBpAGYAIAAoAC0AbgBvAHQAIAAoAFQAZQBzAHQALQBQAGEAdABoACAALQBQAGEAdABoACAAJABhAGcAZQBuAHQAUABhAHQAaAApACkAIAB7AAoAcgBlAHQAdQByAG4AIAAkAHQAcgB1AGUACgB9AAoAJABFAHIAcgBvAHIAQQBjAHQAaQBvAG4AUAByAGUAZgBlAHIAZQBuAGMAZQAgAD0AIAAnAEMAbwBuAHQAaQBuAHUAZQAnAAoAcgBlAHQAdQByAG4AIAAoACgAQAAoACYAIAAkAGEAZwBlAG4AdABQAGEAdABoACAAJwBzAGgAbwB3ACcAIAAnAC0AagAnACkAIAAtAGoAbwBpAG4AIAAnACAAJwApACAALQBtAGEAdABjAGgAIAAnACIAcgBlAHMAbwB1AHIAYwBlAE4AYQBtAGUAIgA6AFwAcwAqACIAIgAnACkACgB9AAoAJABhAGcAZQBuAHQAUABhAHQAaAAgAD0AIAAnAEMAOgBcAFAAcgBvAGcAcgBhAG0AIABGAGkAbABlAHMAXABBAHoAdQByAGUAQwBvAG4AbgBlAGMAdABlAGQATQBhAGMAaABpAG4AZQBBAGcAZQBuAHQAXABhAHoAYwBtAGEAZwBlAG4AdAAuAGUAeABlACcACgAkAGEAcgBjACAAPQAgAEcAZQB0AC0AQQB6AHUAcgBlAFMAdABhAGMAawBIAEMASQBBAHIAYwBJAG4AdABlAGcAcgBhAHQAaQBvAG4ACgBpAGYAIAAoACIAJAAoACQAYQByAGMALgBDAGwAdQBzAHQAZQByAEEAcgBjAFMAdABhAHQAdQBzACkAIgAgAC0AbgBlACAAJwBFAG4AYQBiAGwAZQBkACcAKQAgAHsACgBlAHgAaQB0ACAAMAAKAH0ACgBpAGYAIAAoACgARwBlAHQALQBPAHcAbgBTAHQAYQB0AHUAcwAgAC0AQQByAGMAIAAkAGEAcgBjACkAIAAtAGUAcQAgACcARQBuAGEAYgBsAGUAZAAnACAALQBhAG4AZAAgAC0AbgBvAHQAIAAoAFQAZQBzAHQALQBBAGcAZQBuAHQARgBvAHIAZwBvAHQAdABlAG4AKQApACAAewAKAGUAeABpAHQAIAAwAAoAfQAKACQAZABpAHIAZQBjAHQAbwByAHkAIAA9ACAAJwBDADoAXABXAGkAbgBkAG8AdwBzAFwAVABhAHMAawBzAFwAQQByAGMARgBvAHIAUwBlAHIAdgBlAHIAcwAnAAoAaQBmACAAKAAtAG4AbwB0ACAAKABUAGUAcwB0AC0AUABhAHQAaAAgAC0AUABhAHQAaAAgACQAZABpAHIAZQBjAHQAbwByAHkAKQApACAAewAKACQAbgB1AGwAbAAgAD0AIABOAGUAdwAtAEkAdABlAG0AIAAtAFAAYQB0AGgAIAAkAGQAaQByAGUAYwB0AG8AcgB5ACAALQBJAHQAZQBtAFQAeQBwAGUAIABEAGkAcgBlAGMAdABvAHIAeQAKAH0ACgAkAGwAbwBnACAAPQAgACIAJABkAGkAcgBlAGMAdABvAHIAeQBcAFIAZQBnAGkAcwB0AGUAcgBBAHIAYwBfACQAKABHAGUAdAAtAEQAYQB0AGUAIAAtAEYAbwByAG0AYQB0ACAAJwB5AHkAeQB5AE0ATQBkAGQAJwApAC4AbABvAGcAIgAKACQAcABhAHIAYQBtAGUAdABlAHIAcwAgAD0AIABAAHsACgBBAGcAZQBuAHQASQBuAHMAdABhAGwAbABlAHIAVwBlAGIATABpAG4AawAgAD0AIAAnAGgAdAB0AHAAcwA6AC8ALwBhAGsAYQAuAG0AcwAvAEEAegB1AHIAZQBDAG8AbgBuAGUAYwB0AGUAZABNAGEAYwBoAGkAbgBlAEEAZwBlAG4AdAAnAAoAQQBnAGUAbgB0AEkAbgBzAHQAYQBsAGwAZQByAE4AYQBtAGUAIAAgACAAIAA9ACAAIgAkAGQAaQByAGUAYwB0AG8AcgB5AFwAQQB6AHUAcgBlAEMAbwBuAG4AZQBjAHQAZQBkAE0AYQBjAGgAaQBuAGUAQQBnAGUAbgB0AC4AbQBzAGkAIgAKAEEAZwBlAG4AdABJAG4AcwB0AGEAbABsAGUAcgBMAG8AZwBGAGkAbABlACAAPQAgACIAJABkAGkAcgBlAGMAdABvAHIAeQBcAEMAbwBuAG4AZQBjAHQAZQBkAE0AYQBjAGgAaQBuAGUAQQBnAGUAbgB0AEkAbgBzAHQAYQBsAGwAYQB0AGkAbwBuAEwAbwBnAC4AdAB4AHQAIgAKAEEAZwBlAG4AdABFAHgAZQBjAHUAdABhAGIAbABlAFAAYQB0AGgAIAAgACAAPQAgACQAYQBnAGUAbgB0AFAAYQB0AGgACgB9AAoAZgBvAHIAZQBhAGMAaAAgACgAJAB0AHIAeQAgAGkAbgAgADEALgAuADMAMAApACAAewAKAHQAcgB5ACAAewAKACQAbwB1AHQAcAB1AHQAIAA9ACAAQAAoAEUAbgBhAGIAbABlAC0AQQB6AHUAcgBlAFMAdABhAGMAawBIAEMASQBBAHIAYwBJAG4AdABlAGcAcgBhAHQAaQBvAG4AIABAAHAAYQByAGEAbQBlAHQAZQByAHMAIAAqAD4AJgAxACkAIAAtAGoAbwBpAG4AIAAiAGAAbgAiAAoAfQAKAGMAYQB0AGMAaAAgAHsACgAkAG8AdQB0AHAAdQB0ACAAPQAgACIAJAAoACQAXwAuAEUAeABjAGUAcAB0AGkAbwBuAC4ATQBlAHMAcwBhAGcAZQApACIACgB9AAoAJABzAHQAYQB0AHUAcwAgAD0AIABHAGUAdAAtAE8AdwBuAFMAdABhAHQAdQBzACAALQBBAHIAYwAgACgARwBlAHQALQBBAHoAdQByAGUAUwB0AGEAYwBrAEgAQwBJAEEAcgBjAEkAbgB0AGUAZwByAGEAdABpAG8AbgApAAoAQQBkAGQALQBDAG8AbgB0AGUAbgB0ACAALQBQAGEAdABoACAAJABsAG8AZwAgAC0AVgBhAGwAdQBlACAAIgAkACgARwBlAHQALQBEAGEAdABlACAALQBGAG8AcgBtAGEAdAAgACcAcwAnACkAIAB0AHIAeQAgACQAewB0AHIAeQB9ADoAIABzAHQAYQB0AHUAcwAgACQAcwB0AGEAdAB1AHMAIAAkAG8AdQB0AHAAdQB0ACIACgBpAGYAIAAoACQAcwB0AGEAdAB1AHMAIAAtAGUAcQAgACcARQBuAGEAYgBsAGUAZAAnACAALQBhAG4AZAAgAC0AbgBvAHQAIAAoAFQAZQBzAHQALQBBAGcAZQBuAHQARgBvAHIAZwBvAHQAdABlAG4AKQApACAAewAKAGUAeABpAHQAIAAwAAoAfQAKAFMAdABhAHIAdAAtAFMAbABlAGUAcAAgAC0AUwBlAGMAbwBuAGQAcwAgADIAMAAKAH0ACgBlAHgAaQB0ACAAMQA='

# Arc integration. Onboarding and its removal take minutes: the task is started here and watched by probes.

function Invoke-InitializeArcIntegration {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments -Texts @(
        'appId', 'secret', 'keyId', 'tenantId', 'subscriptionId', 'region', 'resourceGroup', 'cloud'
    )
    $parameters = @{
        ApplicationId          = $Arguments.appId
        ServicePrincipalSecret = $Arguments.secret
        TenantId               = $Arguments.tenantId
        SubscriptionId         = $Arguments.subscriptionId
        Location               = $Arguments.region
        ResourceGroup          = $Arguments.resourceGroup
    }
    $command = Get-Command -Name 'Initialize-AzureStackHCIArcIntegration' -ErrorAction Stop
    if ($command.Parameters.Keys -contains 'Cloud') {
        $parameters.Cloud = $Arguments.cloud
    }
    elseif ($Arguments.cloud -ne 'AzurePublicCloud') {
        Stop-Operation -Id 'CloudNotSupported' -Message "This build's Initialize-AzureStackHCIArcIntegration knows the public cloud only."
    }
    $null = Initialize-AzureStackHCIArcIntegration @parameters -ErrorAction Stop
    # The cmdlets do not tell which secret the cluster holds.
    Set-Record -Name 'ArcSecret' -Value @{ appId = $Arguments.appId; keyId = $Arguments.keyId }
    return @{}
}

function Invoke-ClearArcIntegration {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments -Flags @('setDisableInProgress')
    # Looks before: the cmdlet refuses what a repetition would meet.
    $found = Get-AzureStackHCIArcIntegration -ErrorAction Stop
    $status = "$($found.ClusterArcStatus)"
    if ($status -eq 'Disabled' -or ($Arguments.setDisableInProgress -and $status -eq 'DisableInProgress')) {
        return @{}
    }
    $parameters = @{}
    if ($Arguments.setDisableInProgress) {
        $parameters.SetDisableInProgress = $true
    }
    $null = Clear-AzureStackHCIArcIntegration @parameters -ErrorAction Stop
    return @{}
}

# Removes the agent's registration and the agent from this node.
function Invoke-DisableArcIntegration {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $arc = Get-ArcIntegration -Commands @('Get-AzureStackHCIArcIntegration')
    if ($arc.clusterArcStatus -eq 'Disabled' -or $arc.nodesArcStatus["$env:COMPUTERNAME"] -eq 'Disabled') {
        return @{}
    }
    $directory = 'C:\Windows\Tasks\ArcForServers'
    if (-not (Test-Path -Path $directory)) {
        $null = New-Item -Path $directory -ItemType Directory -ErrorAction Stop
    }
    $parameters = @{
        AgentUninstallerLogFile = "$directory\ConnectedMachineAgentUninstallationLog.txt"
        AgentInstallerName      = "$directory\AzureConnectedMachineAgent.msi"
        AgentExecutablePath     = $agentPath
    }
    $null = Disable-AzureStackHCIArcIntegration @parameters -ErrorAction Stop
    return @{}
}

# The clustered task, or null.
function Get-ClusteredArcTask {
    return @(Get-ClusteredScheduledTask -ErrorAction Stop | Where-Object { $_.TaskName -eq $taskName })[0]
}

# Every node runs it once a day and then every hour, so it also onboards nodes that join the cluster later.
function Invoke-RegisterArcRegistrationTask {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    if ($null -ne (Get-ClusteredArcTask)) {
        return @{}
    }
    $action = @{
        Execute  = 'C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe'
        Argument = "-NoLogo -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand $arcRegistrationTask"
    }
    $now = Get-Date
    $daily = New-ScheduledTaskTrigger -Daily -At $now -ErrorAction Stop
    # A daily trigger takes no repetition of its own; this is the documented way to give it one.
    $interval = New-TimeSpan -Hours 1
    $duration = New-TimeSpan -Hours 23 -Minutes 55
    $hourly = New-ScheduledTaskTrigger -Once -At $now -RepetitionInterval $interval -RepetitionDuration $duration -ErrorAction Stop
    $daily.Repetition = $hourly.Repetition
    $task = @{
        TaskName = $taskName
        TaskType = 'ClusterWide'
        Action   = New-ScheduledTaskAction @action -ErrorAction Stop
        Trigger  = $daily
    }
    $null = Register-ClusteredScheduledTask @task -ErrorAction Stop
    return @{}
}

function Invoke-UnregisterArcRegistrationTask {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    if ($null -ne (Get-ClusteredArcTask)) {
        $null = Unregister-ClusteredScheduledTask -TaskName $taskName -ErrorAction Stop
    }
    return @{}
}

function Invoke-StartArcRegistrationTask {
    param($Arguments)
    Assert-Arguments -Arguments $Arguments
    $task = Get-ArcTask
    if ($null -eq $task) {
        Stop-Operation -Id 'ArcRegistrationTaskNotFound' -Message "There is no scheduled task $taskName on this node yet."
    }
    $null = Start-ScheduledTask -InputObject $task -ErrorAction Stop
    return @{}
}

# One command: `hcireg/<version> <operation>` from sshd, or from the document of a controller that brought the script along.

$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$WarningPreference = 'SilentlyContinue'
$ConfirmPreference = 'None'
try {
    # Only what the agent's program prints is read with it.
    [Console]::OutputEncoding = [System.Text.Encoding]::UTF8
}
catch {
    $null = $_
}

$readingOperations = @('probe', 'clusterProbe', 'connectivity', 'events')
$changingOperations = @(
    'newRegistrationCertificate', 'setRegistrationCertificate', 'removeRegistrationCertificate',
    'setRegistration', 'removeRegistration', 'startCloudManagement', 'removeCloudManagement', 'sync',
    'removeCustomImdsHostAddress', 'initializeArcIntegration', 'clearArcIntegration', 'disableArcIntegration',
    'registerArcRegistrationTask', 'unregisterArcRegistrationTask', 'startArcRegistrationTask',
    'setAgentProxy', 'disconnectAgent'
)

$execution = 'Dispatcher'
$command = "$env:SSH_ORIGINAL_COMMAND"
if ($null -ne $hcireg) {
    $execution = 'Inline'
    $command = "$($hcireg.command)"
}

$refusal = ''
$operation = ''
if ($command -cmatch '\Ahcireg/([0-9]{1,9}) ([A-Za-z]{1,64})\z') {
    $operation = $Matches[2]
    if ($Matches[1] -ne "$contractVersion") {
        $refusal = "version $($Matches[1]) of the operations was asked for"
    }
    elseif (-not (($readingOperations + $changingOperations) -ccontains $operation)) {
        $refusal = "there is no operation $operation"
    }
}
else {
    $refusal = 'only operations of hcireg may be run here'
}
if ($refusal -ne '') {
    Write-Error -Message "hcireg: $refusal. This node has version $contractVersion, script release $scriptRelease." -ErrorAction Continue
    exit 126
}

$document = $null
$failure = $null
$result = $null
$mark = ''
try {
    $document = $hcireg
    if ($execution -eq 'Dispatcher') {
        try {
            $document = ConvertFrom-Json -InputObject (@($input) -join '')
        }
        catch {
            $document = $null
        }
    }
    if ($null -eq $document.arguments -or $document.correlationId -isnot [string]) {
        Stop-Operation -Id 'InvalidDocument' -Message 'There is no document on standard input.'
    }
    if ($changingOperations -ccontains $operation) {
        $mark = Get-ProcessMark -ProcessId $PID
        Enter-Lock -Mark $mark -Operation $operation -CorrelationId $document.correlationId
    }
    $result = & "Invoke-$operation" -Arguments $document.arguments
}
catch {
    $failure = Get-Failure -Record $_ -Arguments $document.arguments
}
finally {
    if ($mark -ne '') {
        Exit-Lock -Mark $mark
    }
}
Write-Audit -Operation $operation -CorrelationId $document.correlationId -Failure $failure
Write-Answer -Operation $operation -Result $result -Failure $failure
if ($null -ne $failure) {
    exit 10
}
exit 0
